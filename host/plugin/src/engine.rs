//! The WebAssembly engine: how components are compiled, and which imports they may have.

use std::thread;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi::{WasiView, clocks as wasi_clocks};

use crate::bindings::discovery::narthex::plugin::refreshing;
use crate::bindings::exporter::Exporter;
use crate::bindings::receiver::narthex::plugin::texts;
use crate::error::PluginError;
use crate::host::Host;
use crate::limits::{EPOCH_TICK, FIBER_STACK_BYTES, STACK_BYTES};
use crate::world::{Program, World};

/// The version of wasmtime, as far as compiled components depend on it.
pub(crate) const WASMTIME_VERSION: &str = "48";

/// What of WASI is linked, each with nothing in it; by interface, without version.
const WASI_INTERFACES: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// What of the contract is linked.
const OWN_INTERFACES: [&str; 14] = [
    "narthex:plugin/clock",
    "narthex:plugin/files",
    "narthex:plugin/http",
    "narthex:plugin/icmp",
    "narthex:plugin/kubernetes",
    "narthex:plugin/log",
    "narthex:plugin/names",
    "narthex:plugin/refreshing",
    "narthex:plugin/secrets",
    "narthex:plugin/state",
    "narthex:plugin/tcp",
    "narthex:plugin/texts",
    "narthex:plugin/types",
    "narthex:plugin/udp",
];

/// An engine that compiles what the running one takes, and runs nothing.
pub(crate) fn for_compiling() -> Result<Engine, PluginError> {
    Engine::new(&config()).map_err(PluginError::engine)
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES);
    config
}

/// Makes the engine and starts the thread that interrupts its guests. The thread ends with the
/// engine.
pub(crate) fn start() -> Result<Engine, PluginError> {
    let engine = Engine::new(&config()).map_err(PluginError::engine)?;
    let weak = engine.weak();
    thread::Builder::new()
        .name("plugin-epoch".to_owned())
        .spawn(move || {
            // A task would not do: the guests to be interrupted may hold every worker.
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(EPOCH_TICK);
            }
        })
        .map_err(|error| PluginError::Engine(format!("cannot start a thread: {error}")))?;
    Ok(engine)
}

/// Links what components may import.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<Host>, PluginError> {
    let mut linker = Linker::new(engine);
    link_wasi(&mut linker).map_err(PluginError::engine)?;
    // Every world imports the same, and two of them one interface more.
    Exporter::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host)
        .map_err(PluginError::engine)?;
    refreshing::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host)
        .map_err(PluginError::engine)?;
    texts::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host).map_err(PluginError::engine)?;
    Ok(linker)
}

struct Io;

impl wasmtime::component::HasData for Io {
    type Data<'a> = &'a mut wasmtime::component::ResourceTable;
}

/// Links WASI without sockets. wasmtime's own function for all of it would link those too.
fn link_wasi(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    use wasi_clocks::{WasiClocks, WasiClocksView};
    use wasmtime_wasi::cli::{WasiCli, WasiCliView};
    use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
    use wasmtime_wasi::random::WasiRandom;
    use wasmtime_wasi_io::bindings::wasi::io;

    let l = linker;
    io::error::add_to_linker::<Host, Io>(l, |host| host.ctx().table)?;
    io::poll::add_to_linker::<Host, Io>(l, |host| host.ctx().table)?;
    io::streams::add_to_linker::<Host, Io>(l, |host| host.ctx().table)?;
    clocks::wall_clock::add_to_linker::<Host, WasiClocks>(l, Host::clocks)?;
    clocks::monotonic_clock::add_to_linker::<Host, WasiClocks>(l, Host::clocks)?;
    filesystem::types::add_to_linker::<Host, WasiFilesystem>(l, Host::filesystem)?;
    filesystem::preopens::add_to_linker::<Host, WasiFilesystem>(l, Host::filesystem)?;
    random::random::add_to_linker::<Host, WasiRandom>(l, |host| host.ctx().ctx.random())?;
    random::insecure::add_to_linker::<Host, WasiRandom>(l, |host| host.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<Host, WasiRandom>(l, |host| host.ctx().ctx.random())?;
    cli::exit::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::environment::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::stdin::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::stdout::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::stderr::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::terminal_input::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::terminal_output::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::terminal_stdin::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::terminal_stdout::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::terminal_stderr::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    Ok(())
}

/// Checks a component's imports, and its exports against a world.
pub(crate) fn program(
    linker: &Linker<Host>,
    component: &Component,
    world: World,
) -> Result<Program, PluginError> {
    for (import, _) in component.component_type().imports(linker.engine()) {
        let interface = import.split_once('@').map_or(import, |(name, _)| name);
        if !WASI_INTERFACES.contains(&interface) && !OWN_INTERFACES.contains(&interface) {
            return Err(PluginError::Import(import.to_owned()));
        }
    }
    Program::new(linker, component, world)
}
