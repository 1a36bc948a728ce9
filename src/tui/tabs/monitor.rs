//! A QMP port: what state the machine is in, and orders to it.
//!
//! One JSON object a line each way (spec 06 §2). The monitor greets; commands are taken after `qmp_capabilities`; events come in
//! between.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::tui::text::printable;

/// Longest line taken in. Answers and events of interest are some hundred bytes.
const LONGEST: usize = 64 << 10;

/// Commands that may be unanswered.
const MOST_ASKED: usize = 16;

/// Longest reason shown, characters.
const LONGEST_REASON: usize = 160;

/// An order to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Presses its power button.
    PowerOff,
    /// Presses its reset button.
    Reset,
    /// Stops its processors.
    Pause,
    /// Lets them go on.
    Continue,
    /// Ends it at once, as pulling the plug does.
    SwitchOff,
}

impl Order {
    /// The command of the protocol.
    const fn command(self) -> &'static str {
        match self {
            Self::PowerOff => "system_powerdown",
            Self::Reset => "system_reset",
            Self::Pause => "stop",
            Self::Continue => "cont",
            Self::SwitchOff => "quit",
        }
    }

    /// What it does, after "to".
    const fn verb(self) -> &'static str {
        match self {
            Self::PowerOff => "power off",
            Self::Reset => "reset",
            Self::Pause => "pause",
            Self::Continue => "go on",
            Self::SwitchOff => "end",
        }
    }
}

/// What was asked of the monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Capabilities,
    Status,
    Order(Order),
}

/// What came of something the monitor said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Bytes for the port.
    pub send: Vec<u8>,
    /// Lines for the user.
    pub tell: Vec<String>,
    /// Whether the machine ends now, or goes on after all.
    pub ends: Option<bool>,
}

/// The dialogue with one monitor.
#[derive(Clone, Debug, Default)]
pub struct Monitor {
    /// The line so far. INVARIANT: at most [`LONGEST`] bytes.
    line: Vec<u8>,
    /// Whether the line is longer than that, and passed over.
    is_too_long: bool,
    /// Whether it takes commands.
    ready: bool,
    /// The machine's state in the monitor's word, once it was told.
    state: Option<String>,
    /// What is not answered, with the number of each.
    asked: VecDeque<(u64, Asked)>,
    /// Commands so far.
    count: u64,
}

impl Monitor {
    /// Whether a port of this name speaks the protocol.
    pub fn is_one(name: &str) -> bool {
        name.starts_with("org.qemu.monitor.qmp")
    }

    /// Whether it takes orders.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// The machine's state, for people; `None` before it was told.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// Whether the machine's processors are stopped, as far as it is known.
    pub fn is_paused(&self) -> bool {
        self.state() == Some("paused")
    }

    /// The port was opened, or closed: the dialogue begins anew.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    /// Takes in bytes of the port.
    pub fn receive(&mut self, bytes: &[u8]) -> News {
        let mut news = News::default();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LONGEST - self.line.len();
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            self.is_too_long |= part.len() > room;
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                if !std::mem::take(&mut self.is_too_long) {
                    self.on_line(&line, &mut news);
                }
            }
        }
        news
    }

    /// Gives an order; what to send. Nothing while the monitor does not take any.
    pub fn order(&mut self, order: Order) -> Vec<u8> {
        let mut news = News::default();
        if self.ready {
            self.ask(Asked::Order(order), &mut news);
        }
        news.send
    }

    fn ask(&mut self, what: Asked, news: &mut News) {
        // One that does not answer is not asked for ever.
        if self.asked.len() >= MOST_ASKED {
            return;
        }
        self.count += 1;
        self.asked.push_back((self.count, what));
        let command = match what {
            Asked::Capabilities => "qmp_capabilities",
            Asked::Status => "query-status",
            Asked::Order(order) => order.command(),
        };
        let line = json!({ "execute": command, "id": self.count });
        news.send.extend_from_slice(format!("{line}\n").as_bytes());
    }

    /// The state may be another. One question at a time: more would say no more.
    fn ask_for_state(&mut self, news: &mut News) {
        let asked = self.asked.iter().any(|(_, what)| *what == Asked::Status);
        if self.ready && !asked {
            self.ask(Asked::Status, news);
        }
    }

    fn on_line(&mut self, line: &[u8], news: &mut News) {
        // What is no JSON is not from a monitor: somebody else shares the port.
        let Ok(message) = serde_json::from_slice::<Value>(line) else {
            return;
        };
        if message.get("QMP").is_some() {
            self.restart();
            self.ask(Asked::Capabilities, news);
        } else if let Some(event) = message.get("event").and_then(Value::as_str) {
            self.on_event(event, &message, news);
        } else {
            self.on_answer(&message, news);
        }
    }

    fn on_answer(&mut self, message: &Value, news: &mut News) {
        let number = message.get("id").and_then(Value::as_u64);
        let place = self.asked.iter().position(|(id, _)| Some(*id) == number);
        let Some((_, asked)) = place.and_then(|at| self.asked.remove(at)) else {
            return;
        };
        let refused = message.get("error").map(|error| {
            let reason = error.get("desc").and_then(Value::as_str);
            shown(reason.unwrap_or("no reason given"))
        });
        match (asked, refused) {
            (Asked::Capabilities, None) => {
                self.ready = true;
                self.ask_for_state(news);
            }
            (Asked::Capabilities, Some(reason)) => {
                let text = format!("the machine's monitor takes no orders: {reason}");
                news.tell.push(text);
            }
            (Asked::Status, None) => {
                let state = message.pointer("/return/status").and_then(Value::as_str);
                self.state = state.map(shown);
            }
            (Asked::Status, Some(_)) => self.state = None,
            (Asked::Order(Order::PowerOff), None) => {
                news.tell.push("the machine was asked to power off".into());
            }
            (Asked::Order(_), None) => self.ask_for_state(news),
            (Asked::Order(order), Some(reason)) => {
                let verb = order.verb();
                news.tell
                    .push(format!("the machine refuses to {verb}: {reason}"));
            }
        }
    }

    fn on_event(&mut self, event: &str, message: &Value, news: &mut News) {
        match event {
            "RESUME" => {
                news.ends = Some(false);
                self.ask_for_state(news);
            }
            "STOP" | "SUSPEND" | "SUSPEND_DISK" | "WAKEUP" => self.ask_for_state(news),
            "RESET" => {
                news.tell.push("the machine was reset".into());
                news.ends = Some(false);
                self.ask_for_state(news);
            }
            "SHUTDOWN" => {
                let guest = message.pointer("/data/guest").and_then(Value::as_bool);
                let who = match guest {
                    Some(true) => "the machine powers off",
                    _ => "the machine is being switched off",
                };
                news.tell.push(who.into());
                news.ends = Some(true);
                self.ask_for_state(news);
            }
            "GUEST_PANICKED" => {
                news.tell.push("the guest's system has crashed".into());
                self.ask_for_state(news);
            }
            _ => {}
        }
    }
}

/// Words of the monitor as they may be shown.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(LONGEST_REASON).collect();
    printable(&cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: &[u8] =
        b"{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, \"capabilities\": [\"oob\"]}}\r\n";

    /// The dialogue of QEMU 7.2 up to the first state.
    fn ready() -> Monitor {
        let mut monitor = Monitor::default();
        let asked = monitor.receive(GREETING);
        assert_eq!(asked.send, b"{\"execute\":\"qmp_capabilities\",\"id\":1}\n");
        let asked = monitor.receive(b"{\"return\": {}, \"id\": 1}\r\n");
        assert_eq!(asked.send, b"{\"execute\":\"query-status\",\"id\":2}\n");
        monitor.receive(b"{\"return\": {\"status\": \"running\", \"running\": true}, \"id\": 2}\n");
        monitor
    }

    #[test]
    fn a_greeting_is_answered_and_the_state_asked_for() {
        let monitor = ready();
        assert!(monitor.is_ready());
        assert_eq!(monitor.state(), Some("running"));
    }

    #[test]
    fn orders_are_commands_and_nothing_is_ordered_before_the_greeting() {
        let mut monitor = ready();
        assert_eq!(
            monitor.order(Order::Pause),
            b"{\"execute\":\"stop\",\"id\":3}\n"
        );
        assert_eq!(
            monitor.order(Order::PowerOff),
            b"{\"execute\":\"system_powerdown\",\"id\":4}\n"
        );
        assert_eq!(Monitor::default().order(Order::SwitchOff), b"");
    }

    #[test]
    fn a_refusal_is_told_in_words_without_what_steers_a_terminal() {
        let mut monitor = ready();
        monitor.order(Order::Continue);
        let refusal =
            br#"{"id": 3, "error": {"class": "GenericError", "desc": "not now\u001b[2J"}}"#;
        let news = monitor.receive(&[refusal, &b"\n"[..]].concat());
        assert_eq!(news.tell, ["the machine refuses to go on: not now [2J"]);
    }

    #[test]
    fn an_event_in_the_middle_of_a_piece_leads_to_one_question_for_the_state() {
        let mut monitor = ready();
        let stop = b"{\"timestamp\": {\"seconds\": 1}, \"event\": \"STOP\"}\r\n";
        assert_eq!(monitor.receive(&stop[..20]), News::default());
        let news = monitor.receive(&[&stop[20..], stop, stop].concat());
        assert_eq!(news.send, b"{\"execute\":\"query-status\",\"id\":3}\n");
        monitor.receive(b"{\"return\": {\"status\": \"paused\"}, \"id\": 3}\n");
        assert!(monitor.is_paused());
    }

    #[test]
    fn what_is_no_json_or_too_long_or_too_deep_is_passed_over() {
        let mut monitor = ready();
        let long = [&b"{\"event\": \""[..], &vec![b'x'; 1 << 20], b"\"}\n"].concat();
        assert_eq!(monitor.receive(&long), News::default());
        assert!(monitor.line.len() <= LONGEST);
        let deep = [&vec![b'['; 60_000][..], b"\n"].concat();
        assert_eq!(monitor.receive(&deep), News::default());
        assert_eq!(monitor.receive(b"\xff\xfe not json\n\n"), News::default());
        let news = monitor.receive(b"{\"event\": \"RESET\"}\n");
        assert_eq!(news.tell, ["the machine was reset"]);
    }

    #[test]
    fn a_monitor_that_never_answers_is_asked_no_more() {
        let mut monitor = ready();
        let sent: usize = (0..1000)
            .map(|_| monitor.order(Order::Reset).len().min(1))
            .sum();
        assert_eq!(sent, MOST_ASKED);
    }
}
