//! The payload of a deletion: which samples of which series.

use narthex_model::{MatchOp, Matcher};
use narthex_storage::TimeRange;

use super::record::{Input, push_text, push_varint};

/// The numbers of the operators, in their order.
const OPS: [MatchOp; 4] = [
    MatchOp::Equal,
    MatchOp::NotEqual,
    MatchOp::Regex,
    MatchOp::NotRegex,
];

/// The payload.
pub(crate) fn encode(selectors: &[Vec<Matcher>], range: TimeRange) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&range.start_ms.to_le_bytes());
    out.extend_from_slice(&range.end_ms.to_le_bytes());
    push_varint(&mut out, selectors.len() as u64);
    for matchers in selectors {
        push_varint(&mut out, matchers.len() as u64);
        for matcher in matchers {
            let op = OPS.iter().position(|op| *op == matcher.op());
            push_varint(&mut out, op.unwrap_or_default() as u64);
            push_text(&mut out, matcher.name());
            push_text(&mut out, matcher.value());
        }
    }
    out
}

/// What [`encode`] was given. `None` where the bytes are not a whole payload and nothing else.
pub(crate) fn decode(payload: &[u8]) -> Option<(Vec<Vec<Matcher>>, TimeRange)> {
    let (start_ms, payload) = payload.split_first_chunk()?;
    let (end_ms, payload) = payload.split_first_chunk()?;
    let range = TimeRange {
        start_ms: i64::from_le_bytes(*start_ms),
        end_ms: i64::from_le_bytes(*end_ms),
    };
    let mut input = Input::of(payload);
    let mut selectors = Vec::new();
    for _ in 0..input.count(1)? {
        let mut matchers = Vec::new();
        for _ in 0..input.count(3)? {
            let op = OPS.get(usize::try_from(input.varint()?).ok()?)?;
            let (name, value) = (input.text()?, input.text()?);
            matchers.push(Matcher::new(name, *op, value).ok()?);
        }
        selectors.push(matchers);
    }
    input.is_empty().then_some((selectors, range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_comes_back_as_it_went_in() {
        let matcher = |op, value: &str| Matcher::new("ä", op, value).unwrap();
        let all = OPS.map(|op| matcher(op, "a|b.*")).to_vec();
        let range = TimeRange {
            start_ms: i64::MIN,
            end_ms: 77,
        };
        for selectors in [
            vec![],
            vec![vec![]],
            vec![all, vec![], vec![matcher(OPS[0], "")]],
        ] {
            let payload = encode(&selectors, range);
            let (found, found_range) = decode(&payload).unwrap();
            assert_eq!(found_range, range);
            assert_eq!(encode(&found, found_range), payload);
            for end in 0..payload.len() {
                assert!(decode(&payload[..end]).is_none(), "cut at {end}");
            }
        }
        let text = encode(&[vec![matcher(MatchOp::Equal, "x")]], range);
        assert_eq!(text[16..], *b"\x01\x01\x00\x02\xc3\xa4\x01x");
    }
}
