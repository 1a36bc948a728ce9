//! What can be viewed from here, for the picker: each source is asked by itself, so that a slow one keeps nobody waiting.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::machines::Machine;
use super::taking::Somebody;
use super::{libvirt, recent};
use crate::tui::picker::{Found, Place, Source};

/// Asks every source. Each answers once, so that there are never more than a few answers.
pub fn look() -> UnboundedReceiver<Found> {
    let (told, found) = unbounded_channel();
    tell(&told, Source::Demo, vec![demo()]);
    let processes = told.clone();
    tokio::task::spawn_blocking(move || {
        tell(&processes, Source::Recent, visits());
        tell(&processes, Source::Processes, machines());
    });
    tokio::spawn(async move { tell(&told, Source::Libvirt, domains().await) });
    found
}

/// Nobody listens any more when the user has chosen.
fn tell(told: &UnboundedSender<Found>, source: Source, places: Vec<Place>) {
    let _ = told.send(Found { source, places });
}

fn demo() -> Place {
    Place {
        name: "demonstration desktop".into(),
        target: "demo:".into(),
        state: "here".into(),
        note: "the server inside this program".into(),
        is_managed: false,
    }
}

fn visits() -> Vec<Place> {
    let place = |visit: recent::Visit| Place {
        name: recent::title(&visit.target).to_owned(),
        note: format!("{}{}", visit.target, visit.beside),
        target: visit.target,
        state: recent::ago(visit.ago),
        is_managed: false,
    };
    recent::all().into_iter().map(place).collect()
}

fn machines() -> Vec<Place> {
    let place = |machine: Machine| {
        let somebody = Somebody::glance(&machine);
        let target = machine.target();
        let password = (!machine.is_open).then(|| "with a password".to_owned());
        let viewer = somebody.as_ref().map(|who| format!("viewed by {who}"));
        // What matters most first: the rest may have no room.
        let notes: Vec<String> = viewer
            .into_iter()
            .chain(password)
            .chain([target.clone()])
            .collect();
        Place {
            note: notes.join(", "),
            name: machine
                .name
                .unwrap_or_else(|| format!("process {}", machine.process)),
            target,
            state: if somebody.is_some() {
                "in use"
            } else {
                "running"
            }
            .into(),
            is_managed: machine.is_libvirts,
        }
    };
    Machine::all().into_iter().map(place).collect()
}

async fn domains() -> Vec<Place> {
    let place = |known: libvirt::Known| Place {
        target: known.domain.to_string(),
        note: known.domain.to_string(),
        state: if known.runs { "running" } else { "off" }.into(),
        name: known.domain.name,
        is_managed: false,
    };
    let mut known = libvirt::known().await;
    // What is off is of less interest.
    known.sort_by_key(|known| !known.runs);
    known.into_iter().map(place).collect()
}
