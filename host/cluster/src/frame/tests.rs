use super::*;

fn said() -> Said {
    Said::Changed(vec![Update {
        state: "silences".to_owned(),
        data: vec![0, 1, 255],
    }])
}

async fn check(bytes: &[u8], expected: Refusal) {
    match read(&mut &bytes[..], "blue").await {
        Err(FrameError::Refused(refusal)) => assert_eq!(refusal, expected),
        other => panic!("{other:?}, not {expected:?}"),
    }
}

#[tokio::test]
async fn what_is_written_is_read_and_what_is_none_of_ours_is_refused() {
    let bytes = encode("blue", said()).unwrap();
    let (read_back, length) = read(&mut &bytes[..], "blue").await.unwrap();
    assert_eq!((read_back, length), (said(), bytes.len()));

    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        bytes
    };
    check(&with(0, b'X'), Refusal::Malformed).await;
    check(&with(4, VERSION + 1), Refusal::Version).await;
    // The length: more than a frame may have, before any of it came.
    check(&with(5, 0xff), Refusal::TooLarge).await;
    check(&encode("green", said()).unwrap(), Refusal::Label).await;
    // A count of updates that are not there.
    let mut body = postcard::to_allocvec("blue").unwrap();
    body.extend([1, 0xff, 0xff, 0xff, 0x7f]);
    let mut lies = MAGIC.to_vec();
    lies.push(VERSION);
    lies.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    lies.extend(body);
    check(&lies, Refusal::Malformed).await;

    // A connection that breaks off is an error of the network.
    for length in [0, 3, 7, bytes.len() - 1] {
        let cut = read(&mut &bytes[..length], "blue").await;
        assert!(matches!(cut, Err(FrameError::Io(_))), "{length}: {cut:?}");
    }
}

#[tokio::test]
async fn a_datagram_has_a_bound_of_its_own() {
    let bytes = encode("blue", Said::Datagram(vec![0; 100])).unwrap();
    for (bytes_max, is_read) in [(1000, true), (100, false)] {
        let read = read_within(&mut &bytes[..], "blue", bytes_max).await;
        assert_eq!(read.is_ok(), is_read, "{read:?}");
    }
}

#[test]
fn a_frame_that_is_too_large_is_not_made() {
    let large = Said::Changed(vec![Update {
        state: "s".to_owned(),
        data: vec![0; FRAME_BYTES_MAX],
    }]);
    assert_eq!(encode("", large), Err(Refusal::TooLarge));
}
