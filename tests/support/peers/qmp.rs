//! QEMU's monitor protocol: one JSON object a line.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::picture::Picture;

/// A connection to a monitor.
pub struct Qmp {
    lines: BufReader<UnixStream>,
}

impl Qmp {
    /// Connects; `None` while nobody answers on the socket.
    pub fn connect(socket: &Path) -> Option<Self> {
        let stream = UnixStream::connect(socket).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a time limit on a socket");
        let mut qmp = Self {
            lines: BufReader::new(stream),
        };
        // QEMU greets when the whole machine is set up, its servers too; or it ends without.
        qmp.line()?;
        qmp.execute("qmp_capabilities", json!({}));
        Some(qmp)
    }

    /// Runs a command; its answer.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Value {
        let order = json!({ "execute": command, "arguments": arguments });
        self.lines
            .get_mut()
            .write_all(format!("{order}\n").as_bytes())
            .expect("the monitor takes a command");
        loop {
            let mut answer = self.line().expect("the monitor answers");
            if let Some(error) = answer.get("error") {
                panic!("{command}: {error}");
            }
            // Events come in between.
            if answer.get("return").is_some() {
                return answer["return"].take();
            }
        }
    }

    /// Waits until QEMU tells of this event. Those that came between commands are over.
    ///
    /// # Panics
    ///
    /// When it does not come within a minute.
    pub fn wait_for_event(&mut self, name: &str) {
        loop {
            let said = self.line();
            let said = said.unwrap_or_else(|| panic!("QEMU never told of {name}"));
            if said["event"] == name {
                return;
            }
        }
    }

    /// The screen as QEMU itself sees it.
    pub fn screendump(&mut self) -> Picture {
        let file = tempfile::NamedTempFile::new().expect("a scratch file");
        self.dump(json!({ "filename": file.path() }), file.path())
    }

    /// The screen of this graphics card.
    pub fn screendump_of(&mut self, device: &str) -> Picture {
        let file = tempfile::NamedTempFile::new().expect("a scratch file");
        self.dump(
            json!({ "filename": file.path(), "device": device }),
            file.path(),
        )
    }

    fn dump(&mut self, arguments: Value, file: &Path) -> Picture {
        self.execute("screendump", arguments);
        let bytes = std::fs::read(file).expect("QEMU wrote the screen");
        Picture::from_ppm(&bytes)
    }

    /// Stops the guest's processors and its clock, and with the clock the blinking text cursor of a VGA card.
    pub fn stop(&mut self) {
        self.execute("stop", json!({}));
    }

    /// Lets the guest run.
    pub fn cont(&mut self) {
        self.execute("cont", json!({}));
    }

    /// Presses keys all together, by their PC scan codes, and releases them.
    pub fn press(&mut self, codes: &[u32]) {
        let keys: Vec<Value> = codes
            .iter()
            .map(|code| json!({ "type": "number", "data": code }))
            .collect();
        self.execute("send-key", json!({ "keys": keys }));
    }

    /// The next line; `None` at the end.
    fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.lines.read_line(&mut line).ok()?;
        (!line.is_empty()).then(|| {
            serde_json::from_str(&line).unwrap_or_else(|e| panic!("the monitor said {line:?}: {e}"))
        })
    }
}
