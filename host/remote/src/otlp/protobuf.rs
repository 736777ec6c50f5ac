//! A request in protobuf, and the answers.

use std::borrow::Cow;

use super::message::{
    Exemplar, ExponentialBuckets, ExponentialPoint, HistogramPoint, KeyValue, MESSAGES_MAX, Metric,
    NumberPoint, Numbers, Points, QuantileValue, Request, Resource, ResourceMetrics, Scope,
    ScopeMetrics, SummaryPoint, Temporality,
};
use super::value::{VALUE_DEPTH_MAX, Value};
use crate::wire::fields::{Field, Fields, WireError};
use crate::wire::message::Message;

const TOO_DEEP: WireError = WireError::TooMany {
    what: "values nested in each other",
    max: VALUE_DEPTH_MAX,
};

/// Reads a request.
pub(super) fn decode(body: &[u8]) -> Result<Request<'_>, WireError> {
    let mut reader = Reader { left: MESSAGES_MAX };
    let mut request = Request::default();
    reader.each(body, |reader, field| match field.number {
        1 => reader.push(
            field,
            &mut request.resource_metrics,
            Reader::resource_metrics,
        ),
        _ => Ok(()),
    })?;
    Ok(request)
}

/// The number of a temporality.
pub(super) fn temporality(number: u64) -> Temporality {
    match number {
        1 => Temporality::Delta,
        2 => Temporality::Cumulative,
        _ => Temporality::Unspecified,
    }
}

/// `ExportMetricsServiceResponse`: nothing to say, or what was refused.
pub(super) fn response(rejected: u64, error: &str) -> Vec<u8> {
    let mut message = Message::new();
    if rejected > 0 || !error.is_empty() {
        message.message(1, |partial| {
            partial.number(1, rejected);
            partial.text(2, error);
        });
    }
    message.as_bytes().to_vec()
}

/// `google.rpc.Status`
pub(super) fn status(code: u64, text: &str) -> Vec<u8> {
    let mut message = Message::new();
    message.number(1, code);
    message.text(2, text);
    message.as_bytes().to_vec()
}

/// Reads messages in messages.
struct Reader {
    /// So many may still come.
    left: usize,
}

type Read<T> = Result<T, WireError>;

impl Reader {
    fn each<'a>(
        &mut self,
        message: &'a [u8],
        mut take: impl FnMut(&mut Self, Field<'a>) -> Read<()>,
    ) -> Read<()> {
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            take(self, field)?;
        }
        Ok(())
    }

    /// Reads a message into a list.
    fn push<'a, T>(
        &mut self,
        field: Field<'a>,
        list: &mut Vec<T>,
        read: impl FnOnce(&mut Self, &'a [u8]) -> Read<T>,
    ) -> Read<()> {
        self.left = self.left.checked_sub(1).ok_or(WireError::TooMany {
            what: "messages in a request",
            max: MESSAGES_MAX,
        })?;
        list.push(read(self, field.bytes()?)?);
        Ok(())
    }

    fn resource_metrics<'a>(&mut self, message: &'a [u8]) -> Read<ResourceMetrics<'a>> {
        let mut read = ResourceMetrics::default();
        self.each(message, |reader, field| match field.number {
            1 => {
                let resource: &mut Resource<'a> = &mut read.resource;
                reader.each(field.bytes()?, |reader, field| match field.number {
                    1 => reader.attribute(field, &mut resource.attributes),
                    _ => Ok(()),
                })
            }
            2 => reader.push(field, &mut read.scope_metrics, Self::scope_metrics),
            _ => Ok(()),
        })?;
        Ok(read)
    }

    fn scope_metrics<'a>(&mut self, message: &'a [u8]) -> Read<ScopeMetrics<'a>> {
        let mut read = ScopeMetrics::default();
        self.each(message, |reader, field| {
            match field.number {
                1 => {
                    let scope: &mut Scope<'a> = &mut read.scope;
                    reader.each(field.bytes()?, |reader, field| {
                        match field.number {
                            1 => scope.name = text(field)?,
                            2 => scope.version = text(field)?,
                            3 => reader.attribute(field, &mut scope.attributes)?,
                            _ => {}
                        }
                        Ok(())
                    })?;
                }
                2 => reader.push(field, &mut read.metrics, Self::metric)?,
                3 => read.schema_url = text(field)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn metric<'a>(&mut self, message: &'a [u8]) -> Read<Metric<'a>> {
        let mut read = Metric::default();
        self.each(message, |reader, field| {
            match field.number {
                1 => read.name = text(field)?,
                2 => read.description = text(field)?,
                3 => read.unit = text(field)?,
                5 => read.gauge = Some(reader.numbers(field.bytes()?)?),
                7 => read.sum = Some(reader.numbers(field.bytes()?)?),
                9 => read.histogram = Some(reader.points(field.bytes()?, Self::histogram)?),
                10 => {
                    let points = reader.points(field.bytes()?, Self::exponential)?;
                    read.exponential_histogram = Some(points);
                }
                11 => read.summary = Some(reader.points(field.bytes()?, Self::summary)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn numbers<'a>(&mut self, message: &'a [u8]) -> Read<Numbers<'a>> {
        let mut read = Numbers::default();
        self.each(message, |reader, field| {
            match field.number {
                1 => reader.push(field, &mut read.data_points, Self::number)?,
                2 => read.aggregation_temporality = temporality(field.number()?),
                3 => read.is_monotonic = field.number()? != 0,
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn points<'a, P: Default>(
        &mut self,
        message: &'a [u8],
        point: fn(&mut Self, &'a [u8]) -> Read<P>,
    ) -> Read<Points<P>> {
        let mut read = Points::default();
        self.each(message, |reader, field| {
            match field.number {
                1 => reader.push(field, &mut read.data_points, point)?,
                2 => read.aggregation_temporality = temporality(field.number()?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn number<'a>(&mut self, message: &'a [u8]) -> Read<NumberPoint<'a>> {
        let mut read = NumberPoint::default();
        self.each(message, |reader, field| {
            match field.number {
                2 => read.start_time_unix_nano = field.fixed()?,
                3 => read.time_unix_nano = field.fixed()?,
                4 => read.as_double = Some(field.double()?),
                5 => reader.push(field, &mut read.exemplars, Self::exemplar)?,
                6 => read.as_int = Some(field.fixed()?.cast_signed()),
                7 => reader.attribute(field, &mut read.attributes)?,
                8 => read.flags = flags(field)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn histogram<'a>(&mut self, message: &'a [u8]) -> Read<HistogramPoint<'a>> {
        let mut read = HistogramPoint::default();
        self.each(message, |reader, field| {
            match field.number {
                2 => read.start_time_unix_nano = field.fixed()?,
                3 => read.time_unix_nano = field.fixed()?,
                4 => read.count = field.fixed()?,
                5 => read.sum = Some(field.double()?),
                6 => field.fixeds(&mut read.bucket_counts)?,
                7 => field.doubles(&mut read.explicit_bounds)?,
                8 => reader.push(field, &mut read.exemplars, Self::exemplar)?,
                9 => reader.attribute(field, &mut read.attributes)?,
                10 => read.flags = flags(field)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn exponential<'a>(&mut self, message: &'a [u8]) -> Read<ExponentialPoint<'a>> {
        let mut read = ExponentialPoint::default();
        self.each(message, |reader, field| {
            match field.number {
                1 => reader.attribute(field, &mut read.attributes)?,
                2 => read.start_time_unix_nano = field.fixed()?,
                3 => read.time_unix_nano = field.fixed()?,
                4 => read.count = field.fixed()?,
                5 => read.sum = Some(field.double()?),
                6 => read.scale = narrow(field.zigzag()?)?,
                7 => read.zero_count = field.fixed()?,
                8 => read.positive = buckets(field.bytes()?)?,
                9 => read.negative = buckets(field.bytes()?)?,
                10 => read.flags = flags(field)?,
                11 => reader.push(field, &mut read.exemplars, Self::exemplar)?,
                14 => read.zero_threshold = field.double()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn summary<'a>(&mut self, message: &'a [u8]) -> Read<SummaryPoint<'a>> {
        let mut read = SummaryPoint::default();
        self.each(message, |reader, field| {
            match field.number {
                2 => read.start_time_unix_nano = field.fixed()?,
                3 => read.time_unix_nano = field.fixed()?,
                4 => read.count = field.fixed()?,
                5 => read.sum = field.double()?,
                6 => reader.push(field, &mut read.quantile_values, Self::quantile)?,
                7 => reader.attribute(field, &mut read.attributes)?,
                8 => read.flags = flags(field)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn quantile(&mut self, message: &[u8]) -> Read<QuantileValue> {
        let mut read = QuantileValue::default();
        self.each(message, |_, field| {
            match field.number {
                1 => read.quantile = field.double()?,
                2 => read.value = field.double()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn exemplar<'a>(&mut self, message: &'a [u8]) -> Read<Exemplar<'a>> {
        let mut read = Exemplar::default();
        self.each(message, |reader, field| {
            match field.number {
                2 => read.time_unix_nano = field.fixed()?,
                3 => read.as_double = Some(field.double()?),
                4 => read.span_id = field.bytes()?.to_vec(),
                5 => read.trace_id = field.bytes()?.to_vec(),
                6 => read.as_int = Some(field.fixed()?.cast_signed()),
                7 => reader.attribute(field, &mut read.filtered_attributes)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn attribute<'a>(&mut self, field: Field<'a>, into: &mut Vec<KeyValue<'a>>) -> Read<()> {
        self.push(field, into, |reader, message| reader.pair(message, 0))
    }

    fn pair<'a>(&mut self, message: &'a [u8], depth: usize) -> Read<KeyValue<'a>> {
        let mut read = KeyValue::default();
        self.each(message, |reader, field| {
            match field.number {
                1 => read.key = text(field)?,
                2 => read.value = reader.value(field.bytes()?, depth)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }

    fn value<'a>(&mut self, message: &'a [u8], depth: usize) -> Read<Value<'a>> {
        if depth >= VALUE_DEPTH_MAX {
            return Err(TOO_DEEP);
        }
        let mut value = Value::Empty;
        self.each(message, |reader, field| {
            value = match field.number {
                1 => Value::Text(text(field)?),
                2 => Value::Bool(field.number()? != 0),
                3 => Value::Int(field.signed()?),
                4 => Value::Double(field.double()?),
                5 => {
                    let mut values = Vec::new();
                    reader.each(field.bytes()?, |reader, field| match field.number {
                        1 => reader.push(field, &mut values, |reader, message| {
                            reader.value(message, depth + 1)
                        }),
                        _ => Ok(()),
                    })?;
                    Value::Array(values)
                }
                6 => {
                    let mut pairs = Vec::new();
                    reader.each(field.bytes()?, |reader, field| match field.number {
                        1 => reader.push(field, &mut pairs, |reader, message| {
                            reader.pair(message, depth + 1)
                        }),
                        _ => Ok(()),
                    })?;
                    Value::Map(pairs)
                }
                7 => Value::Bytes(Cow::Borrowed(field.bytes()?)),
                _ => return Ok(()),
            };
            Ok(())
        })?;
        Ok(value)
    }
}

fn text<'a>(field: Field<'a>) -> Read<Cow<'a, str>> {
    let bytes = field.bytes()?;
    let text = std::str::from_utf8(bytes).map_err(|_| WireError::Utf8(field.number))?;
    Ok(Cow::Borrowed(text))
}

fn flags(field: Field<'_>) -> Read<u32> {
    u32::try_from(field.number()?).map_err(|_| WireError::Overflow)
}

fn narrow(number: i64) -> Read<i32> {
    i32::try_from(number).map_err(|_| WireError::Overflow)
}

fn buckets(message: &[u8]) -> Read<ExponentialBuckets> {
    let mut read = ExponentialBuckets::default();
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => read.offset = narrow(field.zigzag()?)?,
            2 => field.numbers(|count| {
                read.bucket_counts.push(count);
                Ok(())
            })?,
            _ => {}
        }
    }
    Ok(read)
}
