//! A network between a worker and its server that can be cut.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// Passes on what it gets, until it is cut.
pub struct Proxy {
    pub port: u16,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    swallows: Arc<AtomicBool>,
}

impl Proxy {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy =
            Self { port: listener.local_addr().unwrap().port(), streams: Arc::default(), swallows: Arc::default() };
        let (streams, swallows) = (proxy.streams.clone(), proxy.swallows.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to, swallows) = (from.try_clone().unwrap(), to.try_clone().unwrap(), swallows.clone());
                    thread::spawn(move || pass(from, to, &swallows));
                }
                streams.lock().unwrap().extend([client, server]);
            }
        });
        proxy
    }

    /// Ends every connection.
    pub fn cut(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// Loses whatever is sent for so long, and then ends the connections, as a network does that is gone.
    pub fn swallow(&self, time: Duration) {
        self.swallows.store(true, Ordering::SeqCst);
        thread::sleep(time);
        self.cut();
        self.swallows.store(false, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, swallows: &AtomicBool) {
    let mut block = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut block) {
        if !swallows.load(Ordering::SeqCst) && to.write_all(&block[..read]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
