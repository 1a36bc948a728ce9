//! What terminals answer to the question they are asked at start.
//!
//! `recorded` answers were read from the terminal itself under Xvfb, to the very bytes `Question` writes (without
//! shared memory and file). The others are written from the documentation and sources of the terminals.

/// A terminal and its answers.
pub struct Terminal {
    pub name: &'static str,
    pub answers: &'static [u8],
}

const fn terminal(name: &'static str, answers: &'static [u8]) -> Terminal {
    Terminal { name, answers }
}

/// Recorded from XTerm 379 with its defaults.
pub const XTERM: Terminal = terminal(
    "xterm",
    b"\x1bP>|XTerm(379)\x1b\\\x1b]10;rgb:0000/0000/0000\x1b\\\x1b]11;rgb:ffff/ffff/ffff\x1b\\\
      \x1bP1$r0;38:2::1:2:3m\x1b\\\x1b[?1;3S\x1b[?2;3S\x1b[?2026;0$y\x1b[?1016;2$y\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c",
);

/// Recorded from XTerm 379 started with `-ti vt340`, 80×24 cells of 6×13 pixels.
pub const XTERM_VT340: Terminal = terminal(
    "xterm -ti vt340",
    b"\x1bP>|XTerm(379)\x1b\\\x1b]10;rgb:0000/0000/0000\x1b\\\x1b]11;rgb:ffff/ffff/ffff\x1b\\\
      \x1bP1$r0;38:2::1:2:3m\x1b\\\x1b[?1;0;1024S\x1b[?2;0;480;312S\x1b[?2026;0$y\x1b[?1016;2$y\x1b[?63;1;2;4;6;9;15;16;22;28c",
);

/// Recorded from kitty 0.26.5.
pub const KITTY: Terminal = terminal(
    "kitty",
    b"\x1bP>|kitty(0.26.5)\x1b\\\x1b_Gi=2147418113;OK\x1b\\\x1b]10;rgb:dddd/dddd/dddd\x1b\\\
      \x1b]11;rgb:0000/0000/0000\x1b\\\x1bP1$r38:2:1:2:3m\x1b\\\x1b[4;846;1296t\x1b[6;18;9t\x1b[?2026;2$y\x1b[?1016;2$y\x1b[?0u\x1b[?62;c",
);

/// Recorded from tmux 3.3a.
pub const TMUX: Terminal = terminal("tmux", b"\x1bP>|tmux 3.3a\x1b\\\x1b[?1;2c");

/// Recorded from tmux 3.3a with `allow-passthrough on` in kitty: its answer comes after all others. The kitty was 0.26.5,
/// asked without the `U=1` that it is too old for.
pub const TMUX_IN_KITTY: Terminal = terminal(
    "tmux in kitty",
    b"\x1bP>|tmux 3.3a\x1b\\\x1b[?1;2c\x1b_Gi=2147418116;OK\x1b\\",
);

/// Recorded from foot 1.13.1 in weston 10.0.1, 142×50 cells of 7×14 pixels.
pub const FOOT_1_13: Terminal = terminal(
    "foot 1.13",
    b"\x1bP>|foot(1.13.1)\x1b\\\x1b]10;rgb:dcdc/dcdc/cccc\x1b\\\x1b]11;rgb:1111/1111/1111\x1b\\\
      \x1bP1$r0;38:2::1:2:3m\x1b\\\x1b[4;700;994t\x1b[6;14;7t\x1b[?1;0;1024S\x1b[?2;0;994;700S\x1b[?2026;2$y\
      \x1b[?1016;2$y\x1b[?0u\x1b[?62;4;22c",
);

/// As foot 1.20 answers.
pub const FOOT: Terminal = terminal(
    "foot",
    b"\x1bP>|foot(1.20.2)\x1b\\\x1b]10;rgb:dcdc/dcdc/cccc\x1b\\\x1b]11;rgb:1111/1111/1111\x1b\\\
      \x1b[4;780;1600t\x1b[6;20;10t\x1b[?1;0;1024S\x1b[?2;0;1600;780S\x1b[?2026;2$y\x1b[?1016;2$y\x1b[?0u\
      \x1b[?62;4;22;28;29c",
);

/// As WezTerm 20240203 answers.
pub const WEZTERM: Terminal = terminal(
    "WezTerm",
    b"\x1bP>|WezTerm 20240203-110809-5046fc22\x1b\\\x1b]10;rgb:b2b2/b2b2/b2b2\x1b\\\x1b]11;rgb:0000/0000/0000\x1b\\\
      \x1b[4;600;1120t\x1b[6;20;9t\x1b[?1;0;65536S\x1b[?2;0;1120;600S\x1b[?2026;2$y\x1b[?1016;2$y\x1b[?65;4;6;18;22c",
);

/// As iTerm2 3.5 answers.
pub const ITERM2: Terminal = terminal(
    "iTerm2",
    b"\x1bP>|iTerm2 3.5.10\x1b\\\x1b]10;rgb:c7c7/c7c7/c7c7\x07\x1b]11;rgb:0000/0000/0000\x07\
      \x1b[4;408;560t\x1b[6;17;7t\x1b[?2026;2$y\x1b[?1016;0$y\x1b[?0u\x1b[?62;4c",
);

/// As ghostty 1.1 answers.
pub const GHOSTTY: Terminal = terminal(
    "ghostty",
    b"\x1bP>|ghostty 1.1.2\x1b\\\x1b_Gi=2147418113;OK\x1b\\\x1b]10;rgb:ffff/ffff/ffff\x1b\\\
      \x1b]11;rgb:2828/2c2c/3434\x1b\\\x1b[4;816;1280t\x1b[6;34;16t\x1b[?2026;2$y\x1b[?1016;2$y\x1b[?0u\x1b[?62;22c",
);

/// As Konsole 24.02 answers.
pub const KONSOLE: Terminal = terminal(
    "Konsole",
    b"\x1bP>|Konsole 24.02.1\x1b\\\x1b_Gi=2147418113;OK\x1b\\\x1b]10;rgb:fcfc/fcfc/fcfc\x1b\\\
      \x1b]11;rgb:2323/2626/2727\x1b\\\x1b[4;456;720t\x1b[6;19;9t\x1b[?2026;2$y\x1b[?62;1;4c",
);

/// As the console of Linux answers.
pub const LINUX: Terminal = terminal("the Linux console", b"\x1b[?6c");

pub const ALL: &[Terminal] = &[
    XTERM,
    XTERM_VT340,
    KITTY,
    TMUX,
    TMUX_IN_KITTY,
    FOOT_1_13,
    FOOT,
    WEZTERM,
    ITERM2,
    GHOSTTY,
    KONSOLE,
    LINUX,
];
