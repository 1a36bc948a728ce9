//! Programs of one sector that a PC boots from a floppy disk, in place of an operating system. Each writes `R` to I/O
//! port e9h, which QEMU keeps in a file, when it is ready.

/// Draws 320×200 pixels, each the colour numbered column xor row, and halts: a screen of many colours that never
/// changes.
pub fn pattern() -> Vec<u8> {
    disk(&[
        0xb8, 0x13, 0x00, //       mov ax, 13h        320×200, 256 colours
        0xcd, 0x10, //             int 10h
        0xb8, 0x00, 0xa0, //       mov ax, a000h
        0x8e, 0xc0, //             mov es, ax
        0x31, 0xff, //             xor di, di
        0x31, 0xdb, //             xor bx, bx         row
        0x31, 0xc9, //       row:  xor cx, cx         column
        0x88, 0xc8, //       next: mov al, cl
        0x30, 0xd8, //             xor al, bl
        0xaa, //                   stosb
        0x41, //                   inc cx
        0x81, 0xf9, 0x40, 0x01, // cmp cx, 320
        0x75, 0xf4, //             jne next
        0x43, //                   inc bx
        0x81, 0xfb, 0xc8, 0x00, // cmp bx, 200
        0x75, 0xeb, //             jne row
        0xb0, b'R', //             mov al, 'R'
        0xe6, 0xe9, //             out e9h, al
        0xfa, //             halt: cli
        0xf4, //                   hlt
        0xeb, 0xfc, //             jmp halt
    ])
}

/// Shows each typed character on the screen and then writes it to port e9h. The firmware makes characters of the keys, by
/// the US layout. There is no text cursor.
pub fn echo() -> Vec<u8> {
    disk(&[
        0xb8, 0x03, 0x00, //       mov ax, 3          80×25 text
        0xcd, 0x10, //             int 10h
        0xb4, 0x01, //             mov ah, 1          no text cursor
        0xb9, 0x00, 0x20, //       mov cx, 2000h
        0xcd, 0x10, //             int 10h
        0xfb, //                   sti
        0xb0, b'R', //             mov al, 'R'
        0xe6, 0xe9, //             out e9h, al
        0xb4, 0x00, //       key:  mov ah, 0          wait for a key
        0xcd, 0x16, //             int 16h
        0x84, 0xc0, //             test al, al        no character
        0x74, 0xf8, //             je key
        0xb4, 0x0e, //             mov ah, eh         show it
        0x31, 0xdb, //             xor bx, bx
        0xcd, 0x10, //             int 10h
        0xe6, 0xe9, //             out e9h, al
        0xeb, 0xee, //             jmp key
    ])
}

/// Writes `R` to the debug port and to the first serial port, and then to that whatever it reads there.
pub fn serial() -> Vec<u8> {
    disk(&[
        0xb0, 0x52, //             mov al, 'R'
        0xe6, 0xe9, //             out e9h, al
        0xba, 0xf8, 0x03, //       mov dx, 3f8h
        0xee, //                   out dx, al
        0xba, 0xfd, 0x03, //  1:   mov dx, 3fdh       the port's state
        0xec, //              2:   in al, dx
        0xa8, 0x01, //             test al, 1         has it something?
        0x74, 0xfb, //             jz 2
        0xba, 0xf8, 0x03, //       mov dx, 3f8h
        0xec, //                   in al, dx
        0xee, //                   out dx, al
        0xeb, 0xf1, //             jmp 1
    ])
}

/// Fills the quarters of the screen with [`QUARTERS`], and at each key with the other four colours; `R` each time.
pub fn quarters() -> Vec<u8> {
    disk(&[
        0xb8, 0x13, 0x00, //       mov ax, 13h        320×200, 256 colours
        0xcd, 0x10, //             int 10h
        0xb8, 0x00, 0xa0, //       mov ax, a000h
        0x8e, 0xc0, //             mov es, ax
        0xfc, //                   cld
        0xb3, 0x01, //             mov bl, 1          first colour
        0x31, 0xff, //       draw: xor di, di
        0x31, 0xd2, //             xor dx, dx         row
        0x88, 0xd8, //       row:  mov al, bl
        0x83, 0xfa, 0x64, //       cmp dx, 100
        0x72, 0x02, //             jb upper
        0x04, 0x02, //             add al, 2
        0xb9, 0xa0, 0x00, // upper: mov cx, 160
        0xf3, 0xaa, //             rep stosb
        0xfe, 0xc0, //             inc al
        0xb9, 0xa0, 0x00, //       mov cx, 160
        0xf3, 0xaa, //             rep stosb
        0x42, //                   inc dx
        0x81, 0xfa, 0xc8, 0x00, // cmp dx, 200
        0x75, 0xe4, //             jne row
        0xb0, b'R', //             mov al, 'R'
        0xe6, 0xe9, //             out e9h, al
        0xb4, 0x00, //             mov ah, 0          wait for a key
        0xcd, 0x16, //             int 16h
        0x80, 0xf3, 0x08, //       xor bl, 8          the other four
        0xeb, 0xd3, //             jmp draw
    ])
}

/// Colours of the quarters as a VGA card makes them, top left, top right, bottom left, bottom right: at first, and
/// after a key.
pub const QUARTERS: [[[u8; 3]; 4]; 2] = [
    [[0, 0, 168], [0, 168, 0], [0, 168, 168], [168, 0, 0]],
    [[87, 87, 255], [87, 255, 87], [87, 255, 255], [255, 87, 87]],
];

/// A floppy disk of 1.44 MB whose first sector is `program`.
fn disk(program: &[u8]) -> Vec<u8> {
    let mut disk = program.to_vec();
    disk.resize(510, 0);
    disk.extend([0x55, 0xaa]);
    disk.resize(1_474_560, 0);
    disk
}
