//! capsaicin against real servers and beside a real client.
//!
//! The tests start the peers themselves. A test whose peer is not installed is counted as ignored and says what is
//! missing; with `CAPSAICIN_REQUIRE_PEERS=1` it fails instead. Two tests run at a time unless `--test-threads` says
//! otherwise: each has processors to emulate.

#[path = "../support/peers/mod.rs"]
mod peers;
#[path = "../support/mod.rs"]
mod support;

mod agent;
mod consoles;
mod desktop;
mod draws;
mod failures;
mod firmware;
mod guest;
mod guest_sound;
mod heads;
mod inspect;
mod keys;
mod libvirt;
mod live;
mod migration;
mod modes;
mod mouse;
mod picker;
mod pointer;
mod ports;
mod program;
mod proxy;
#[cfg(feature = "tls")]
mod reach;
mod recording;
mod replays;
mod secrets;
mod served_sound;
mod server;
mod sound;
mod staying;
mod stepping;
mod streams;
mod terminals;
#[cfg(feature = "tls")]
mod tls;
mod turns;
mod typing;
mod viewer;
mod viewer_sound;
mod witnesses;
mod xserver;

use std::process::ExitCode;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Trial};
use peers::Peer;
use support::terminals as models;

/// How long anything may take that happens at once on an idle machine.
const LIMIT: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    let tests = [
        witnesses::tests(),
        firmware::tests(),
        guest::tests(),
        desktop::tests(),
        agent::tests(),
        typing::tests(),
        mouse::tests(),
        pointer::tests(),
        heads::tests(),
        xserver::tests(),
        draws::tests(),
        keys::tests(),
        failures::tests(),
        libvirt::tests(),
        turns::tests(),
        picker::tests(),
        secrets::tests(),
        migration::tests(),
        staying::tests(),
        stepping::tests(),
        #[cfg(feature = "tls")]
        tls::tests(),
        #[cfg(feature = "tls")]
        reach::tests(),
        terminals::tests(),
        viewer::tests(),
        server::tests(),
        recording::tests(),
        replays::tests(),
        proxy::tests(),
        inspect::tests(),
        sound::tests(),
        viewer_sound::tests(),
        served_sound::tests(),
        guest_sound::tests(),
        ports::tests(),
        consoles::tests(),
        streams::tests(),
    ];
    let tests = tests.into_iter().flatten().collect();
    let conclusion = libtest_mimic::run(&arguments, tests);
    desktop::end();
    conclusion.exit_code()
}

/// This machine: every test shares it but those that need all of it.
static MACHINE: RwLock<()> = RwLock::new(());

/// One test, and the peers it cannot do without.
fn test(
    name: impl Into<String>,
    needs: &'static [Peer],
    body: impl FnOnce() + Send + 'static,
) -> Trial {
    trial(name, needs, || {
        let _shared = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
        body();
    })
}

/// The same of one beside which no other runs: something in it has to happen in time.
fn test_alone(
    name: impl Into<String>,
    needs: &'static [Peer],
    body: impl FnOnce() + Send + 'static,
) -> Trial {
    trial(name, needs, || {
        let _whole = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
        body();
    })
}

fn trial(
    name: impl Into<String>,
    needs: &'static [Peer],
    body: impl FnOnce() + Send + 'static,
) -> Trial {
    Trial::ignorable_test(name, move || {
        match needs.iter().find_map(|peer| peer.missing()) {
            None => {
                body();
                Ok(Completion::Completed)
            }
            Some(reason) if peers::required() => Err(reason.into()),
            Some(reason) => Ok(Completion::ignored_with(reason)),
        }
    })
}
