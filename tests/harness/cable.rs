//! A way to a server that can be cut and mended.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Takes connections and passes them on to a server, unless it is cut.
#[derive(Debug)]
pub struct Cable {
    address: String,
    is_cut: Arc<AtomicBool>,
    /// Both ends of each connection that there ever was.
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cable {
    /// A way to a host and port.
    pub fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let cable = Self {
            address: listener.local_addr().unwrap().to_string(),
            is_cut: Arc::default(),
            ends: Arc::default(),
        };
        let (server, is_cut) = (server.to_owned(), Arc::clone(&cable.is_cut));
        let ends = Arc::clone(&cable.ends);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&server) else {
                    continue;
                };
                // Who cuts sets the mark first and then ends what is held, so a connection is either
                // held before that or meets the mark.
                let mut ends = ends.lock().unwrap();
                // Who is dropped here has a connection that ends at once.
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                ends.extend([&near, &far].map(|end| end.try_clone().unwrap()));
                drop(ends);
                pass_on(near.try_clone().unwrap(), far.try_clone().unwrap());
                pass_on(far, near);
            }
        });
        cable
    }

    /// Where to connect to.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Ends all connections, and each that comes, until it is mended.
    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for end in self.ends.lock().unwrap().drain(..) {
            // It may have ended already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        // Either side may end it at any time.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
