//! What the head promises as a whole, one story a file.

mod bounds;
mod contract;
mod crashes;
mod damage;
mod deletes;
mod faults;
mod journal;
mod kill;
mod kinds;
mod late;
mod late_histograms;
mod memory;
mod replay;
mod snapshot;
mod tail;
mod truncate;
