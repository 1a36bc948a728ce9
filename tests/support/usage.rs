//! What a program costs: processor time, memory, wall time, read from the system while it runs.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What one run cost.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Processor time of all its threads, user and system, in ticks of 10 ms.
    pub cpu: Duration,
    /// Most memory resident at once, bytes.
    pub memory: u64,
    /// From its start to its end.
    pub wall: Duration,
}

/// Runs a program to its end, or for at most `limit`; its output goes nowhere.
pub fn measure(command: &mut Command, limit: Duration) -> Usage {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut usage = Usage {
        cpu: Duration::ZERO,
        memory: 0,
        wall: Duration::ZERO,
    };
    // A child that has ended keeps its times until it is asked for its end, but not its memory.
    while let Some((state, cpu)) = times(child.id()) {
        usage.cpu = cpu;
        usage.memory = usage.memory.max(memory(child.id()).unwrap_or(0));
        usage.wall = started.elapsed();
        if state == 'Z' {
            break;
        }
        if usage.wall > limit {
            let _ = child.kill();
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = child.wait();
    usage
}

/// State and processor time of a process.
fn times(pid: u32) -> Option<(char, Duration)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    // Fields 14 and 15 of the whole line, of which state is the third.
    let mut ticks = fields.skip(10).map_while(|field| field.parse::<u64>().ok());
    let ticks = ticks.next()? + ticks.next()?;
    Some((state, Duration::from_millis(ticks * 10)))
}

/// The highest resident memory of a process so far.
fn memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
