#!/usr/bin/env bash
# image.sh FOLDER: makes FOLDER/disk.raw, a whole Debian as small as it gets, that boots with BIOS and with EFI and speaks on
# its first serial port. /etc/issue, which is shown above the login prompt, says "moment one". As root; nothing is mounted
# here, and no loop device is needed. What is there already is kept.
set -euo pipefail
folder=$1
[[ ! -e $folder/disk.raw ]] || exit 0
mkdir -p "$folder"
work=$(mktemp -d -p "$folder")
trap 'rm -rf "$work"' EXIT
PATH=$PATH:/usr/sbin:/sbin

# shellcheck disable=SC2016 # $1 is expanded by mmdebstrap's shell
mmdebstrap --quiet --variant=minbase --include=linux-image-amd64,systemd-sysv,udev,systemd-boot-efi \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook='chroot "$1" passwd -d root > /dev/null' \
    --customize-hook='echo guest > "$1/etc/hostname"' \
    --customize-hook='echo "moment one" > "$1/etc/issue"' \
    bookworm "$work/root" < /dev/null

# The first partition: what SYSLINUX and systemd-boot read. mke2fs fills the second one.
kernel="root=LABEL=root ro console=tty0 console=ttyS0"
printf 'DEFAULT debian\nPROMPT 0\nSERIAL 0\nLABEL debian\n KERNEL /vmlinuz\n INITRD /initrd\n APPEND %s\n' "$kernel" > "$work/syslinux.cfg"
printf 'title debian\nlinux /vmlinuz\ninitrd /initrd\noptions %s\n' "$kernel" > "$work/debian.conf"
truncate -s 160M "$work/boot"
mkfs.fat -F 32 "$work/boot" > /dev/null
syslinux --install "$work/boot"
mmd -i "$work/boot" ::EFI ::EFI/BOOT ::loader ::loader/entries
mcopy -i "$work/boot" "$work/syslinux.cfg" ::
mcopy -i "$work/boot" "$work/debian.conf" ::loader/entries/
mcopy -i "$work/boot" "$work"/root/boot/vmlinuz-* ::vmlinuz
mcopy -i "$work/boot" "$work"/root/boot/initrd.img-* ::initrd
mcopy -i "$work/boot" "$work/root/usr/lib/systemd/boot/efi/systemd-bootx64.efi" ::EFI/BOOT/BOOTX64.EFI
truncate -s 900M "$work/system"
mkfs.ext4 -q -L root -d "$work/root" "$work/system"

truncate -s 1064M "$work/disk"
printf 'label: dos\nstart=2048,size=327680,type=ef,bootable\nstart=329728,type=83\n' | sfdisk -q "$work/disk"
dd if=/usr/lib/syslinux/mbr/mbr.bin of="$work/disk" conv=notrunc bs=440 count=1 status=none
dd if="$work/boot" of="$work/disk" conv=notrunc,sparse bs=1M seek=1 status=none
dd if="$work/system" of="$work/disk" conv=notrunc,sparse bs=1M seek=161 status=none
mv "$work/disk" "$folder/disk.raw"
