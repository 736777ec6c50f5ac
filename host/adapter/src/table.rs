//! The metrics of nodes and pods as a table, which `kubectl get` asks for.

use serde_json::{Value, json};

/// A table of `NodeMetrics` or `PodMetrics`; what containers use is added up.
pub(crate) fn of_metrics(items: &[Value]) -> Value {
    let rows: Vec<Value> = items.iter().map(row).collect();
    let column = |name: &str, format: &str| {
        json!({
            "name": name, "type": "string", "format": format, "priority": 0,
            "description": match name {
                "Name" => "Name of the object",
                "CPU" => "Cores that it uses",
                "Memory" => "Bytes that it cannot do without",
                _ => "What was measured over",
            },
        })
    };
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": [
            column("Name", "name"), column("CPU", ""), column("Memory", ""), column("Window", ""),
        ],
        "rows": rows,
    })
}

fn row(item: &Value) -> Value {
    let usages: Vec<&Value> = match item["containers"].as_array() {
        Some(containers) => containers.iter().map(|it| &it["usage"]).collect(),
        None => vec![&item["usage"]],
    };
    let sum = |name: &str, unit: &str, of_one: u64| {
        let parts = usages.iter().map(|usage| {
            let text = usage[name].as_str().unwrap_or("0");
            match text.strip_suffix(unit) {
                Some(number) => number.parse().unwrap_or(0),
                None => text.parse::<u64>().unwrap_or(0).saturating_mul(of_one),
            }
        });
        let sum: u64 = parts.fold(0, u64::saturating_add);
        format!("{sum}{unit}")
    };
    let (cpu, memory) = (sum("cpu", "n", 1_000_000_000), sum("memory", "Ki", 1));
    json!({
        "cells": [item["metadata"]["name"], cpu, memory, item["window"]],
        "object": {
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": item["metadata"],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_added_up() {
        let usage = |cpu: &str, memory: &str| json!({"usage": {"cpu": cpu, "memory": memory}});
        let pod = json!({
            "metadata": {"name": "a", "namespace": "n"}, "window": "1m0s",
            "containers": [usage("5n", "3Ki"), usage("1", "0")],
        });
        let table = of_metrics(&[pod]);
        assert_eq!(
            table["rows"][0]["cells"],
            json!(["a", "1000000005n", "3Ki", "1m0s"])
        );
        let columns = table["columnDefinitions"].as_array().unwrap();
        assert_eq!(columns.len(), 4);
    }
}
