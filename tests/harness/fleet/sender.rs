//! Sends the samples of the fleet to a server that takes remote write.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Fleet;

/// They send the requests of a step, and wait for each other at its end: a sender that is ahead of
/// the others would make late samples of theirs.
const CONNECTIONS: usize = 4;

impl Fleet {
    /// Sends steps, and says how long that took. The sender takes part of the machine.
    ///
    /// # Panics
    /// A request is refused.
    pub fn send(&self, base: &str, steps: Range<u64>) -> Duration {
        let started = Instant::now();
        let sent = self.send_while_taken(base, steps);
        sent.unwrap_or_else(|error| panic!("{error}"));
        started.elapsed()
    }

    /// Sends steps until a request fails, as it does once a server stops.
    ///
    /// # Errors
    /// The request that failed, and why.
    ///
    /// # Panics
    /// A thread did.
    pub fn send_while_taken(&self, base: &str, steps: Range<u64>) -> Result<(), String> {
        let url = format!("{base}/api/v1/write");
        // Each keeps its connection, and takes a refusal for an error.
        let agents = [(); CONNECTIONS].map(|()| ureq::Agent::new_with_defaults());
        let mut requests = self.requests();
        let (failure, has_failed) = (Mutex::new(None), AtomicBool::new(false));
        for step in steps {
            let bodies = Mutex::new(requests.of_step(step));
            std::thread::scope(|scope| {
                for agent in &agents {
                    scope.spawn(|| {
                        while !has_failed.load(Ordering::Relaxed) {
                            let body = bodies.lock().unwrap().pop();
                            let Some(body) = body else { break };
                            if let Err(error) = post(agent, &url, &body) {
                                has_failed.store(true, Ordering::Relaxed);
                                failure.lock().unwrap().get_or_insert(error);
                            }
                        }
                    });
                }
            });
            if let Some(error) = failure.lock().unwrap().take() {
                return Err(error);
            }
        }
        Ok(())
    }
}

fn post(agent: &ureq::Agent, url: &str, body: &[u8]) -> Result<(), String> {
    let answer = agent
        .post(url)
        .header("Content-Type", "application/x-protobuf")
        .header("Content-Encoding", "snappy")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0")
        .send(body);
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("{url}: {}", answer.status())),
        Err(error) => Err(format!("{url}: {error}")),
    }
}
