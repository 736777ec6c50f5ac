//! Series mixed as those of a Linux host are, from a seed.

/// Series of a block of two hours, scraped every 15 s.
const SAMPLES: usize = 480;
const SERIES: usize = 2_000;

/// The mix, and of it those that change.
pub(crate) fn all() -> [(&'static str, Vec<Vec<f64>>); 2] {
    let mut chance = Chance(1);
    let series: Vec<Vec<f64>> = (0..SERIES).map(|at| one(at, &mut chance)).collect();
    let changes = |values: &&Vec<f64>| narthex_nx::constant(values).is_none();
    let changing = series.iter().filter(changes).cloned().collect();
    [("mixed", series), ("changing", changing)]
}

fn one(at: usize, chance: &mut Chance) -> Vec<f64> {
    match at % 50 {
        0..33 => vec![chance.below(1_000_000) as f64; SAMPLES],
        // A counter that is rarely busy: of errors, say.
        33..36 => running(1.0, || match chance.below(20) {
            0 => 1 + chance.below(3),
            _ => 0,
        }),
        // Counters of requests and of bytes.
        36..39 => running(1.0, || 40 + chance.below(120)),
        39..42 => running(1.0, || 20_000 + chance.below(60_000)),
        // Gauges: memory in pages, and a small number of things.
        42..44 => walk(chance, 1 << 20, 4_096.0),
        44 => walk(chance, 8, 1.0),
        // Seconds of a processor in hundredths; a time that something took, in nanoseconds.
        45..47 => running(100.0, || chance.below(150)),
        47 => drawn(|| (20_000 + chance.below(200_000)) as f64 / 1e9),
        48 => drawn(|| chance.below(400) as f64 / 100.0),
        // A sum of such times, each addition rounded.
        _ => {
            let mut sum = 0.0;
            drawn(|| {
                sum += chance.below(30_000_000) as f64 / 1e9;
                sum
            })
        }
    }
}

fn drawn(mut next: impl FnMut() -> f64) -> Vec<f64> {
    (0..SAMPLES).map(|_| next()).collect()
}

fn running(parts: f64, mut next: impl FnMut() -> u64) -> Vec<f64> {
    let mut sum = 1_000_000;
    drawn(|| {
        sum += next();
        sum as f64 / parts
    })
}

fn walk(chance: &mut Chance, range: u64, step: f64) -> Vec<f64> {
    let reach = (range / 64).max(2);
    let mut place = range / 2;
    drawn(|| {
        place = (place + chance.below(2 * reach + 1)).saturating_sub(reach);
        place as f64 * step
    })
}

/// A generator of numbers that look like chance and are not.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % end
    }
}
