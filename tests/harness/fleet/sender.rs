//! Sends the samples of the fleet to a server that takes remote write.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::Fleet;

/// They send the requests of a step, and wait for each other at its end: a sender that is ahead of
/// the others would make late samples of theirs.
const CONNECTIONS: usize = 4;

impl Fleet {
    /// Sends all steps, and says how long that took. The sender takes part of the machine.
    ///
    /// # Panics
    /// A request is refused.
    pub fn send(&self, base: &str) -> Duration {
        let url = format!("{base}/api/v1/write");
        // Each keeps its connection, and takes a refusal for an error.
        let agents = [(); CONNECTIONS].map(|()| ureq::Agent::new_with_defaults());
        let mut requests = self.requests();
        let started = Instant::now();
        for step in 0..self.steps {
            let bodies = Mutex::new(requests.of_step(step));
            std::thread::scope(|scope| {
                for agent in &agents {
                    scope.spawn(|| {
                        loop {
                            let body = bodies.lock().unwrap().pop();
                            let Some(body) = body else { break };
                            post(agent, &url, &body);
                        }
                    });
                }
            });
        }
        started.elapsed()
    }
}

fn post(agent: &ureq::Agent, url: &str, body: &[u8]) {
    let answer = agent
        .post(url)
        .header("Content-Type", "application/x-protobuf")
        .header("Content-Encoding", "snappy")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0")
        .send(body);
    let answer = answer.unwrap_or_else(|error| panic!("{url}: {error}"));
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
}
