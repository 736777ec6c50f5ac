//! What the head costs. `cargo bench -p narthex-head` prints the figures of 100 targets with 480
//! scrapes each and then times single calls; `-- figures TARGETS SCRAPES` prints the figures of
//! as many as are asked for.

mod calls;
mod counting;
mod figures;
mod node;

use std::time::Duration;

use criterion::Criterion;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args()
        .skip(1)
        .skip_while(|word| word != "figures");
    if arguments.next().is_some() {
        let mut number = || arguments.next().and_then(|word| word.parse::<u32>().ok());
        let (targets, scrapes) = (number().unwrap_or(100), number().unwrap_or(480));
        return figures::print(targets as usize, scrapes);
    }
    figures::print(100, 480)?;
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    calls::appends(&mut criterion);
    calls::selects(&mut criterion);
    criterion.final_summary();
    Ok(())
}
