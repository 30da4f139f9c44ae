# shellcheck shell=sh
# What the scripts of this folder share. They set `root` to the top of the tree, then source this file.
: "${root:?}"

say() { echo "${0##*/}: $*" >&2; }

die() {
    say "$*"
    exit 1
}

# Succeeds if the folder holds a JDK (not only a JRE) of version 25 or newer. No java is started.
is_jdk() {
    [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 1
    while IFS='="' read -r key _ version _; do
        [ "$key" = JAVA_VERSION ] || continue
        version=${version%%[!0-9]*}
        [ "${version:-0}" -ge 25 ] && return 0
    done < "$1/release"
    return 1
}

# Prints the first JDK >= 25 of JAVA_HOME, PATH and /usr/lib/jvm.
find_jdk() {
    javac=$(command -v javac) && javac=$(readlink -f "$javac")
    for candidate in "${JAVA_HOME:-}" "${javac%/bin/javac}" /usr/lib/jvm/*; do
        if is_jdk "$candidate"; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

# Sets jdk, or says what is missing. Say it before the output goes to a log.
require_tools() {
    command -v mvn > /dev/null || die "Maven is missing; run bin/setup."
    jdk=$(find_jdk) || die "there is no JDK 25 or newer in JAVA_HOME, PATH or /usr/lib/jvm; run bin/setup."
}

# Maven on that JDK. The flags silence what the JVM says about Maven's own libraries and shorten its start.
maven() {
    require_tools
    quick="--sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    JAVA_HOME=$jdk MAVEN_OPTS="$quick ${MAVEN_OPTS:-}" mvn -B -ntp -Dstyle.color=never -f "$root/pom.xml" "$@"
}

# build CHECK ARGUMENTS...: lets Maven put the program together, without a look at format, warnings and mistakes that
# javac does not see, and without man pages. One at a time: who had to wait looks with CHECK whether it still has to be done.
build() (
    check=$1
    shift
    log=$root/cli/target/build.log
    mkdir -p "${log%/*}"
    exec 9> "$log.lock"
    flock 9
    if "$check"; then exit 0; fi
    # Tests that were compiled against an older program are worth nothing, and Maven would not always notice.
    rm -rf "$root"/*/target/test-classes
    say "building migratekit ..."
    if ! maven package -Dmaven.compiler.failOnWarning=false -Djavac.checks=-proc:none -Dmanual.skip "$@" > "$log" 2>&1; then
        sed -n -e '/\[Help 1\]/q' -e '/^\[ERROR\]/p' -e '/^\[WARNING\]/p' "$log" >&2
        die "the build failed; see $log."
    fi
)

# Succeeds if the program, and the simulated vCenter among the tests' classes, are as new as their sources.
simulator_is_built() {
    layout=$root/cli/target/migratekit
    [ -e "$root/vmware-cbt/target/test-classes/io/migratekit/vmware/sim/SimulatorMain.class" ] && [ -e "$layout/java" ] &&
        [ -z "$(find "$root"/pom.xml "$root"/*/pom.xml "$root"/*/*/pom.xml "$root"/*/src/main "$root/cli/train.sh" \
            "$root/nbd/src/test" "$root/vmware-cbt/src/test" -newer "$layout/java" -print -quit)" ]
}

build_simulator() {
    simulator_is_built || build simulator_is_built -Psimulator
}
