//! An image nobody sees, to find out whether a terminal around a tmux still is the one that was drawn on.
//!
//! tmux draws the characters that stand for parts of images on whatever terminal it is attached to; the images are only where
//! they were sent. A terminal that has the marker has the others too.

use super::command::Route;

/// The marker; far from any image that a picture is drawn with.
pub const MARKER: u32 = 0x7fff_0005;

/// Appends the commands that send the marker, one transparent dot.
pub fn send_marker(route: Route, out: &mut Vec<u8>) {
    let keys = format!("a=t,i={MARKER},s=1,v=1,f=32,{}", super::quiet());
    route.send(&keys, "", &[0; 4], out);
}

/// Appends the command that asks for it: it gets a place, which only characters show. The answer is `OK` where it is.
pub fn ask_for_marker(route: Route, out: &mut Vec<u8>) {
    let keys = format!("a=p,U=1,i={MARKER},p=1,c=1,r=1");
    route.send(&keys, "", b"", out);
}

/// Appends the command that takes it out of the terminal's memory.
pub fn delete_marker(route: Route, out: &mut Vec<u8>) {
    super::delete(route, MARKER, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_is_sent_in_silence_and_asked_for_aloud() {
        let mut out = Vec::new();
        send_marker(Route::Direct, &mut out);
        ask_for_marker(Route::Direct, &mut out);
        delete_marker(Route::Direct, &mut out);
        let expected = "\x1b_Ga=t,i=2147418117,s=1,v=1,f=32,q=2;AAAAAA==\x1b\\\
                        \x1b_Ga=p,U=1,i=2147418117,p=1,c=1,r=1\x1b\\\
                        \x1b_Ga=d,d=I,i=2147418117,q=2\x1b\\";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
