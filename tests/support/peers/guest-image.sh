#!/usr/bin/env bash
# Makes the Debian guest of the interop tests: Debian's kernel, and an initrd with
# busybox and the kernel's modules for the qxl display and the USB tablet.
#
#   guest-image.sh DIR      writes DIR/vmlinuz and DIR/initrd, and then a copy of itself
#
# Needs apt-get (with package lists) and dpkg-deb; no root. On the guest:
#   tty1    a shell
#   ttyS0   READY once the shell is there; whatever commands write to it
#   ttyS1   what keyboard and tablet report: the kernel's input_event records
set -euo pipefail

out=$(mkdir -p "$1" && cd "$1" && pwd)
self=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
chmod 755 .

kernel=$(apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" { print $2; exit }')
[ -n "$kernel" ] || { echo "no linux-image-amd64 in the package lists; apt-get update?" >&2; exit 1; }
for try in 1 2 3; do
  apt-get download -qq "$kernel" busybox-static >/dev/null && break
  [ "$try" -lt 3 ] || exit 1
done
mkdir -p packages root/{bin,dev,proc,sys,tmp}
dpkg-deb -x busybox-static_*.deb packages
busybox=$work/packages/bin/busybox
cp "$busybox" root/bin/

# The wanted modules and all that they need, by folder.
wanted=()
for path in gpu/drm/drm* gpu/drm/ttm gpu/drm/qxl usb/common usb/core usb/host hid/hid.ko hid/hid-generic.ko hid/usbhid \
  input/evdev.ko; do
  wanted+=("./lib/modules/*/kernel/drivers/$path")
done
dpkg-deb --fsys-tarfile "$kernel"_*.deb |
  tar -x -C root --wildcards ./boot/'vmlinuz-*' './lib/modules/*/modules.builtin*' './lib/modules/*/modules.order' "${wanted[@]}"
mv root/boot/vmlinuz-* vmlinuz
rmdir root/boot
"$busybox" depmod -b root "$(ls root/lib/modules)"

cat >root/init <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp PS1='# '
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in qxl evdev xhci-pci hid-generic usbhid; do modprobe "$module"; done

# Keyboard and tablet, once both are there, for whoever reads ttyS1.
stty -F /dev/ttyS0 115200
stty -F /dev/ttyS1 115200 raw -echo
for device in 'AT Translated Set 2 keyboard' 'QEMU USB Tablet'; do
  until name=$(grep -l "$device" /sys/class/input/event*/device/name); do sleep 0.1; done
  event=${name%/device/name}
  cat "/dev/input/${event##*/}" >/dev/ttyS1 &
done

cd /tmp
while :; do
  setsid cttyhack sh -c 'clear; echo READY >/dev/ttyS0; exec sh' </dev/tty1 >/dev/tty1 2>&1
done
INIT
chmod 755 root/init

(cd root && find . | sort | "$busybox" cpio -o -H newc 2>/dev/null) | gzip -1 >"$out/initrd.new"
mv vmlinuz "$out/vmlinuz"
mv "$out/initrd.new" "$out/initrd"
cp "$self" "$out/guest-image.sh"
