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
