//! The contract of `wit/v0.1` as generated code; nothing here is written by hand.
//!
//! The imports of all worlds are generated once, and each interface that a world exports by
//! itself: the lifecycle belongs to every world, and an export can be generated once in a crate.
//! A component that exports two of these is of the world that has both.

#![allow(
    clippy::allow_attributes_without_reason,
    clippy::cast_possible_truncation,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    reason = "generated: the canonical ABI is pointers and lengths"
)]

wit_bindgen::generate!({
    path: "../../wit/v0.1",
    inline: "
        package narthex:sdk;

        world imports {
            import narthex:plugin/log@0.1.0;
            import narthex:plugin/clock@0.1.0;
            import narthex:plugin/secrets@0.1.0;
            import narthex:plugin/http@0.1.0;
            import narthex:plugin/tcp@0.1.0;
            import narthex:plugin/udp@0.1.0;
            import narthex:plugin/icmp@0.1.0;
            import narthex:plugin/names@0.1.0;
            import narthex:plugin/files@0.1.0;
            import narthex:plugin/state@0.1.0;
            import narthex:plugin/kubernetes@0.1.0;
            import narthex:plugin/refreshing@0.1.0;
            import narthex:plugin/texts@0.1.0;
        }
    ",
    generate_all,
});

pub mod lifecycle {
    //! What every world exports.

    wit_bindgen::generate!({
        path: "../../wit/v0.1",
        inline: "
            package narthex:sdk;

            world lifecycle {
                export narthex:plugin/lifecycle@0.1.0;
            }
        ",
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
        default_bindings_module: "narthex_sdk::bindings::lifecycle",
        with: { "narthex:plugin/types@0.1.0": crate::bindings::narthex::plugin::types },
        generate_all,
    });

    pub use exports::narthex::plugin::lifecycle::*;
}

pub mod collector {
    //! What the world `exporter` exports.

    wit_bindgen::generate!({
        path: "../../wit/v0.1",
        inline: "
            package narthex:sdk;

            world collector {
                export narthex:plugin/collector@0.1.0;
            }
        ",
        pub_export_macro: true,
        export_macro_name: "export_collector",
        default_bindings_module: "narthex_sdk::bindings::collector",
        with: { "narthex:plugin/types@0.1.0": crate::bindings::narthex::plugin::types },
        generate_all,
    });

    pub use exports::narthex::plugin::collector::*;
}

pub mod discoverer {
    //! What the world `discovery` exports.

    wit_bindgen::generate!({
        path: "../../wit/v0.1",
        inline: "
            package narthex:sdk;

            world discoverer {
                export narthex:plugin/discoverer@0.1.0;
            }
        ",
        pub_export_macro: true,
        export_macro_name: "export_discoverer",
        default_bindings_module: "narthex_sdk::bindings::discoverer",
        with: { "narthex:plugin/types@0.1.0": crate::bindings::narthex::plugin::types },
        generate_all,
    });

    pub use exports::narthex::plugin::discoverer::*;
}

pub mod notifier {
    //! What the world `receiver` exports.

    wit_bindgen::generate!({
        path: "../../wit/v0.1",
        inline: "
            package narthex:sdk;

            world notifier {
                export narthex:plugin/notifier@0.1.0;
            }
        ",
        pub_export_macro: true,
        export_macro_name: "export_notifier",
        default_bindings_module: "narthex_sdk::bindings::notifier",
        with: { "narthex:plugin/types@0.1.0": crate::bindings::narthex::plugin::types },
        generate_all,
    });

    pub use exports::narthex::plugin::notifier::*;
}
