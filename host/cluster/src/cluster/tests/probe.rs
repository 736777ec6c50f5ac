//! Peers between which connections get through, and no datagram.

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::*;

/// Hands connections on.
async fn relay(listener: TcpListener, to: SocketAddr) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut onwards = TcpStream::connect(to).await.unwrap();
            // It ends as either side ends it.
            let _ = copy_bidirectional(&mut stream, &mut onwards).await;
        });
    }
}

/// A peer that says it is where connections to it are handed on, and nobody takes datagrams.
async fn reached_by_tcp(peers: &[&Arc<Cluster>]) -> Bench {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut options = options("", peers);
    options.advertise_address = Some(address.to_string());
    options.gossip.probe_interval = Duration::from_secs(1);
    options.gossip.probe_timeout = Duration::from_millis(100);
    let bench = Bench::with(options, &[]).await;
    let Transport::Plain(socket) = &bench.cluster.transport else {
        panic!("there is TLS");
    };
    let own = socket.local_addr().unwrap();
    assert_ne!(own, bench.cluster.me().address);
    tokio::spawn(relay(listener, own));
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_no_datagram_gets_through_to_is_asked_over_tcp() {
    let one = reached_by_tcp(&[]).await;
    let two = reached_by_tcp(&[&one.cluster]).await;
    for peer in [&one, &two] {
        until("both are there", || peer.cluster.peers().len() == 2).await;
        until("an answer over TCP", || {
            let text = peer.metrics();
            let name = "narthex_cluster_tcp_probes_total{result=\"answered\"} ";
            let answered = text.lines().find_map(|line| line.strip_prefix(name));
            answered.is_some_and(|count| count != "0")
        })
        .await;
    }
    one.cluster.stop().await;
    two.cluster.stop().await;
}
