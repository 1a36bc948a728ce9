//! `paste`, `copy` and `send`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as Group;

use super::seconds;
use super::target::TargetArgs;

const PASTE_EXAMPLES: &str = "\
Takes TEXT or standard input, which may be a picture too. A guest fetches its
clipboard when somebody pastes: until then this waits, and when it ends the offer
is over. Needs spice-vdagent in the guest.

Examples:
  capsaicin paste 127.0.0.1:5900 'to be pasted'
  capsaicin paste 127.0.0.1:5900 --timeout 300 < notes.txt
  capsaicin paste spice+unix:///run/vm.sock --primary < picture.png";

/// `paste`
#[derive(Debug, Group)]
#[command(after_help = PASTE_EXAMPLES)]
pub struct PasteArgs {
    /// Whose clipboard.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What to offer; standard input without it
    pub text: Option<String>,
    /// Offer it as what was marked, for the middle mouse button
    #[arg(long)]
    pub primary: bool,
    /// Give up when nobody has pasted it after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub timeout: Duration,
}

const COPY_EXAMPLES: &str = "\
Prints what was copied in the guest last. What was copied while another viewer was
connected agents forget when that leaves. --wait waits for what is copied next.
Needs spice-vdagent in the guest.

Examples:
  capsaicin copy 127.0.0.1:5900
  capsaicin copy 127.0.0.1:5900 --wait=30 --primary > marked.txt
  capsaicin copy 127.0.0.1:5900 --wait -o picture.png";

/// `copy`
#[derive(Debug, Group)]
#[command(after_help = COPY_EXAMPLES)]
pub struct CopyArgs {
    /// Whose clipboard.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Write to this file; a .png, .jpg, .bmp or .tiff gets a picture (- for standard output)
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print the picture that was copied, not the text
    #[arg(long)]
    pub image: bool,
    /// Take what was marked, not what was copied
    #[arg(long)]
    pub primary: bool,
    /// Wait until something is copied from now on, or so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
        default_missing_value = "31536000", value_parser = seconds)]
    pub wait: Option<Duration>,
    /// Give up connecting, or fetching, after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
}

const SEND_EXAMPLES: &str = "\
The guest stores them where its agent puts files: the desktop or the folder for
downloads of whoever is logged in. Needs spice-vdagent there.

Examples:
  capsaicin send 127.0.0.1:5900 notes.txt
  capsaicin send 127.0.0.1:5900 *.iso --json
  capsaicin send spice+unix:///run/vm.sock disk.img --timeout 120";

/// `send`
#[derive(Debug, Group)]
#[command(after_help = SEND_EXAMPLES)]
pub struct SendArgs {
    /// Where to.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Files to send; of their paths the guest gets the last part
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Give up when nothing has moved for this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub timeout: Duration,
    /// Print what became of each file as JSON, one object a line
    #[arg(long)]
    pub json: bool,
}
