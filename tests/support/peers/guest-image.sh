#!/usr/bin/env bash
# Makes the Debian guests of the interop tests of Debian's own packages: a console and a desktop.
#
#   guest-image.sh DIR      writes DIR/vmlinuz, DIR/console and DIR/desktop, and then a copy of itself;
#                           does nothing where it has done so before
#
# Needs apt-get (with package lists) and dpkg-deb; no root. Console and desktop are initrds, and all there is.
# On the console:
#   tty1    a shell
#   ttyS0   READY once the shell is there; whatever commands write to it
#   ttyS1   what keyboard and tablet report: the kernel's input_event records
# On the desktop:
#   tty1    Xorg on qxl or virtio-gpu without a window manager; with a port for it, the SPICE agent
#   ttyS0   how far it is, with the seconds since the kernel began
#   the virtio port capsaicin.exec, once all that is up: takes the length of a shell command in decimal, a line feed
#           and the command; answers its exit code, a blank, the length of its output, a line feed and the output
#   ALSA's programs, for a machine with Intel's sound device
set -euo pipefail

out=$(mkdir -p "$1" && cd "$1" && pwd)
self=$(realpath "$0")
! cmp -s "$self" "$out/guest-image.sh" || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
chmod 755 .

# Downloads packages into a folder.
download() {
  local try
  mkdir "$1"
  for try in 1 2 3; do
    (cd "$1" && apt-get download -qq -o APT::Sandbox::User=root "${@:2}" >/dev/null) && return
  done
  return 1
}

# Unpacks a kernel and some of its modules, by folder (of drivers, or of sound), with all that these need in turn.
kernel_with() {
  local root=$1 path wanted=()
  for path in "${@:2}"; do
    case $path in
      sound/*) wanted+=("./lib/modules/*/kernel/$path") ;;
      *) wanted+=("./lib/modules/*/kernel/drivers/$path") ;;
    esac
  done
  dpkg-deb --fsys-tarfile kernel/*.deb |
    tar -x -C "$root" --keep-directory-symlink --wildcards ./boot/'vmlinuz-*' './lib/modules/*/modules.builtin*' \
      './lib/modules/*/modules.order' "${wanted[@]}"
  mv "$root"/boot/vmlinuz-* vmlinuz
  rmdir "$root/boot"
  "$busybox" depmod -b "$root" "$(ls "$root/lib/modules")"
}

archive() {
  (cd "$1" && find . | sort | "$busybox" cpio -o -H newc -R 0:0 2>/dev/null)
}

display_modules=(gpu/drm/'drm*' gpu/drm/ttm gpu/drm/qxl)
sound_modules=(sound/soundcore.ko sound/core/'snd*.ko' sound/hda sound/pci/hda/snd-hda-{intel,codec,codec-generic}.ko
  leds/trigger/ledtrig-audio.ko)
usb_modules=(usb/common usb/core usb/host hid/hid.ko hid/hid-generic.ko hid/usbhid input/evdev.ko)

linux=$(apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" { print $2; exit }')
[ -n "$linux" ] || { echo "no linux-image-amd64 in the package lists; apt-get update?" >&2; exit 1; }
download kernel "$linux"
download tools busybox-static
mkdir tools/root
dpkg-deb -x tools/busybox-static_*.deb tools/root
busybox=$work/tools/root/bin/busybox

# --- the console

mkdir -p console/{bin,dev,proc,sys,tmp}
cp "$busybox" console/bin/
kernel_with console "${display_modules[@]}" "${usb_modules[@]}"
cat >console/init <<'INIT'
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
chmod 755 console/init

# --- the desktop

packages=(xserver-xorg-core xserver-xorg-video-qxl xserver-xorg-input-libinput x11-xserver-utils x11-utils x11-xkb-utils
  xkb-data xinput xterm xclip xdotool spice-vdagent alsa-utils udev libc-bin)
programs=(xterm xclip xdotool xinput xrandr xset xsetroot xev xprop xwininfo xdpyinfo xmodmap setxkbmap xkbcomp udevadm
  spice-vdagent spice-vdagentd aplay arecord amixer)
# What only installing or drawing in three dimensions takes.
unneeded='^(perl|libperl|lib.*-perl$|dpkg|debconf|usrmerge|systemd|dbus|cpp|libllvm|libgl1-mesa|libicu|adwaita|keyboard-conf)'

# They need what nothing installed meets; the essential packages go without saying.
mapfile -t needed < <(apt-get install -s -qq --no-install-recommends -o Dir::State::status=/dev/null "${packages[@]}" |
  awk '$1 == "Inst" { print $2 }' | grep -Ev "$unneeded")
[ ${#needed[@]} -gt 0 ] || { echo "apt-get cannot tell what an X server needs" >&2; exit 1; }
download desktop-packages "${needed[@]}"

mkdir -p desktop/usr/{bin,sbin,lib,lib64} desktop/{dev,proc,run,sys,tmp} desktop/root/Downloads \
  desktop/etc/X11/xorg.conf.d desktop/var/lib/xkb desktop/var/log
for name in bin sbin lib lib64; do ln -s "usr/$name" "desktop/$name"; done
leave=()
for path in etc/init.d lib/udev/hwdb.d lib/systemd/system usr/lib/x86_64-linux-gnu/gconv \
  usr/share/{bug,doc,fonts,icons,lintian,locale,man,mime,themes}; do
  leave+=("--exclude=./$path")
done
for package in desktop-packages/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x -C desktop --keep-directory-symlink "${leave[@]}"
done

# Of the programs these, and of the libraries what they are linked with.
mv desktop/usr/bin all-bin
mv desktop/usr/sbin all-sbin
mkdir desktop/usr/{bin,sbin}
for program in "${programs[@]}"; do
  if [ -e "all-bin/$program" ]; then cp "all-bin/$program" desktop/usr/bin/; else cp "all-sbin/$program" desktop/usr/sbin/; fi
done
mv desktop/usr/lib/x86_64-linux-gnu libraries
mkdir desktop/usr/lib/x86_64-linux-gnu
linked=(desktop/usr/bin/* desktop/usr/sbin/* desktop/usr/lib/udev/libinput-* desktop/usr/lib/xorg/Xorg)
mapfile -t -O ${#linked[@]} linked < <(find desktop/usr/lib/xorg/modules -name '*.so')
for program in "${linked[@]}"; do
  # Modules for three dimensions lack libraries, and are not used.
  libraries/ld-linux-x86-64.so.2 --library-path libraries --list "$program" 2>/dev/null || true
done | awk '$3 ~ /^libraries\// { print $3 }' | sort -u | xargs cp -L -t desktop/usr/lib/x86_64-linux-gnu
# Asked for by its name when a thread ends.
cp -L libraries/libgcc_s.so.1 libraries/ld-linux-x86-64.so.2 desktop/usr/lib/x86_64-linux-gnu/
cp "$busybox" desktop/usr/bin/
ln -s busybox desktop/usr/bin/sh

echo 'root:x:0:0::/root:/bin/sh' >desktop/etc/passwd
printf '%s:\n' root:x:0 tty:x:5 disk:x:6 lp:x:7 kmem:x:15 dialout:x:20 cdrom:x:24 tape:x:26 audio:x:29 video:x:44 \
  input:x:101 render:x:102 kvm:x:103 sgx:x:104 >desktop/etc/group
cat >desktop/etc/X11/xorg.conf.d/guest.conf <<'XORG'
Section "ServerFlags"
    Option "BlankTime" "0"
EndSection
Section "Extensions"
    Option "DPMS" "Disable"
    Option "GLX" "Disable"
EndSection
Section "Module"
    Disable "glx"
EndSection
Section "OutputClass"
    Identifier "drawn by the processor"
    MatchDriver "virtio_gpu"
    Driver "modesetting"
    Option "AccelMethod" "none"
EndSection
Section "InputClass"
    Identifier "a motion moves the pointer as far as it says"
    MatchIsPointer "true"
    Option "AccelProfile" "flat"
EndSection
XORG
kernel_with desktop "${display_modules[@]}" gpu/drm/virtio "${usb_modules[@]}" input/mouse/psmouse.ko input/misc/uinput.ko \
  virtio char/virtio_console.ko "${sound_modules[@]}"

# The agent: `agent start` and `agent stop`.
cat >desktop/usr/sbin/agent <<'AGENT'
#!/bin/sh
case $1 in
  start)
    spice-vdagentd -x -X -o >/run/vdagentd.log 2>&1 &
    until [ -e /run/spice-vdagentd/spice-vdagent-sock ]; do sleep 0.05; done
    spice-vdagent -x -f /root/Downloads -o 0 >/run/vdagent.log 2>&1 &
    # It moves the pointer as a device of its own.
    until xinput list --name-only | grep -q 'spice vdagent tablet'; do sleep 0.1; done
    ;;
  stop)
    killall spice-vdagent spice-vdagentd
    while pidof spice-vdagent spice-vdagentd >/dev/null; do sleep 0.05; done
    rm -f /run/spice-vdagentd/spice-vdagent-sock
    ;;
esac
AGENT
chmod 755 desktop/usr/sbin/agent

cat >desktop/init <<'INIT'
#!/bin/busybox sh
/bin/busybox mkdir -p /opt/bin
/bin/busybox --install -s /opt/bin
export PATH=/usr/bin:/usr/sbin:/opt/bin HOME=/root DISPLAY=:0 LANG=C.UTF-8 NO_AT_BRIDGE=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /run/spice-vdagentd /tmp/.X11-unix
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
hostname desktop
step() { read -r seconds _ </proc/uptime; echo "$seconds $1" >/dev/ttyS0; }

step kernel
# Intel's sound device looks for its codec only once.
for module in virtio_pci virtio_console qxl virtio_gpu evdev uinput psmouse xhci-pci hid-generic usbhid \
  snd-hda-codec-generic snd-hda-intel; do
  modprobe "$module"
done
step modules
/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add --subsystem-match=input --subsystem-match=drm --subsystem-match=virtio-ports
udevadm settle -t 30
step devices
mkfifo /run/display
/usr/lib/xorg/Xorg :0 vt1 -noreset -nolisten tcp -keeptty -novtswitch -sharevts -displayfd 3 \
  3<>/run/display >/run/xorg.log 2>&1 &
read -r _ </run/display
xsetroot -solid '#2e5a7d' -cursor_name left_ptr
step screen
[ ! -e /dev/virtio-ports/com.redhat.spice.0 ] || agent start
step READY

cd /root
exec 3<>/dev/virtio-ports/capsaicin.exec
while :; do
  read -r length <&3 || { sleep 0.1; continue; }
  head -c "$length" <&3 >/run/command
  sh /run/command </dev/null >/run/output 2>&1
  echo "$? $(stat -c %s /run/output)" >&3
  cat /run/output >&3
done
INIT
chmod 755 desktop/init

# The desktop is not compressed: emulated processors would be slow to undo that.
archive desktop >"$out/desktop.new"
archive console | gzip -1 >"$out/console.new"
mv vmlinuz "$out/vmlinuz"
mv "$out/desktop.new" "$out/desktop"
mv "$out/console.new" "$out/console"
rm -f "$out/initrd"
cp "$self" "$out/guest-image.sh"
