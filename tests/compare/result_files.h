// SPDX-License-Identifier: Apache-2.0
// Result files as Google Benchmark 1.7.1 and nvbench write them.
#pragma once

#include <string>

#include "compare/results.h"

namespace dydit::test {

// Google Benchmark 1.7.1 with two repetitions.
inline const std::string google = R"({
  "context": {
    "date": "2024-05-01T10:00:00+00:00",
    "host_name": "host",
    "executable": "./bench",
    "num_cpus": 2,
    "mhz_per_cpu": 2300,
    "cpu_scaling_enabled": false,
    "caches": [
      {
        "type": "Data",
        "level": 1,
        "size": 49152,
        "num_sharing": 1
      }
    ],
    "load_avg": [0.799316,1.04346,1.43799],
    "library_build_type": "release"
  },
  "benchmarks": [
    {
      "name": "BM_Copy<int>/8",
      "family_index": 0,
      "per_family_instance_index": 0,
      "run_name": "BM_Copy<int>/8",
      "run_type": "iteration",
      "repetitions": 2,
      "repetition_index": 0,
      "threads": 1,
      "iterations": 10,
      "real_time": 2.4000000000000000e+02,
      "cpu_time": 1.4000000000000000e+02,
      "time_unit": "ns",
      "INSTRUCTIONS": 1.2345000000000000e+04,
      "items_per_second": 4.1666666666666669e+06,
      "allocs_per_iter": 3.2000000000000002e+00,
      "max_bytes_used": 42,
      "total_allocated_bytes": 128,
      "net_heap_growth": 0,
      "label": "l"
    },
    {
      "name": "BM_Copy<int>/8",
      "family_index": 0,
      "per_family_instance_index": 0,
      "run_name": "BM_Copy<int>/8",
      "run_type": "iteration",
      "repetitions": 2,
      "repetition_index": 1,
      "threads": 1,
      "iterations": 10,
      "real_time": 2.6000000000000000e+02,
      "cpu_time": 1.6000000000000000e+02,
      "time_unit": "ns",
      "INSTRUCTIONS": 1.2345000000000000e+04,
      "items_per_second": 3.8461538461538460e+06,
      "allocs_per_iter": 3.2000000000000002e+00,
      "max_bytes_used": 42,
      "total_allocated_bytes": 128,
      "net_heap_growth": 0,
      "label": "l"
    },
    {
      "name": "BM_Copy<int>/8_median",
      "family_index": 0,
      "per_family_instance_index": 0,
      "run_name": "BM_Copy<int>/8",
      "run_type": "aggregate",
      "repetitions": 2,
      "threads": 1,
      "aggregate_name": "median",
      "aggregate_unit": "time",
      "iterations": 2,
      "real_time": 9.9900000000000000e+02,
      "cpu_time": 9.9900000000000000e+02,
      "time_unit": "ns"
    },
    {
      "name": "BM_Broken",
      "family_index": 1,
      "per_family_instance_index": 0,
      "run_name": "BM_Broken",
      "run_type": "iteration",
      "repetitions": 2,
      "repetition_index": 0,
      "threads": 1,
      "error_occurred": true,
      "error_message": "no device",
      "iterations": 1,
      "real_time": 0.0000000000000000e+00,
      "cpu_time": 0.0000000000000000e+00,
      "time_unit": "ns"
    }
  ]
}
)";

// Of nvbench: numbers stand there as texts, "summaries" is null where there are none.
inline const std::string nvbench = R"({
  "meta": {"argv": ["./bench", "--json", "out.json"], "version": {"json": {"major": 1, "minor": 0, "patch": 0}}},
  "devices": [{"id": 0, "name": "NVIDIA H200", "sm_version": 900}],
  "benchmarks": [
    {
      "name": "copy",
      "index": 0,
      "devices": [0],
      "axes": [{"name": "T", "type": "type", "flags": ""}, {"name": "Elements{io}", "type": "int64", "flags": "pow2"}],
      "states": [
        {
          "name": "Device=0 T=F32 Elements{io}=2^10",
          "min_samples": 10,
          "device": 0,
          "type_config_index": 0,
          "axis_values": [
            {"name": "T", "type": "string", "value": "F32"},
            {"name": "Elements{io}", "type": "int64", "value": "1024"}
          ],
          "summaries": [
            {"tag": "nv/cold/sample_size", "name": "Samples", "hint": "sample_size",
             "data": [{"name": "value", "type": "int64", "value": "12"}]},
            {"tag": "nv/cold/time/gpu/mean", "name": "GPU Time", "hint": "duration",
             "data": [{"name": "value", "type": "float64", "value": "3e-06"}]},
            {"tag": "nv/cold/time/gpu/median", "name": "Median GPU Time", "hint": "duration", "hide": "hidden",
             "data": [{"name": "value", "type": "float64", "value": "2.5e-06"}]}
          ],
          "is_skipped": false
        },
        {
          "name": "Device=0 T=F64 Elements{io}=2^10",
          "device": 0,
          "axis_values": [
            {"name": "T", "type": "string", "value": "F64"},
            {"name": "Elements{io}", "type": "int64", "value": "1024"}
          ],
          "summaries": null,
          "is_skipped": true,
          "skip_reason": "too large"
        }
      ]
    },
    {
      "name": "host",
      "index": 1,
      "devices": null,
      "axes": null,
      "states": [
        {
          "name": "",
          "device": null,
          "axis_values": null,
          "summaries": [
            {"tag": "nv/cpu_only/time/cpu/mean", "name": "CPU Time",
             "data": [{"name": "hint", "type": "string", "value": "duration"},
                      {"name": "value", "type": "float64", "value": "0.25"}]}
          ],
          "is_skipped": false
        }
      ]
    }
  ]
}
)";

inline compare::ProcessRun read(const std::string& text, const compare::Reading& reading = {}) {
  return compare::read_json(text, "file", reading);
}

// Rows of Google Benchmark, without what surrounds them.
inline compare::ProcessRun rows(const std::string& text, const compare::Reading& reading = {}) {
  return read(R"({"benchmarks": [)" + text + "]}", reading);
}

// "b", with these fields.
inline compare::ProcessRun row(const std::string& fields) { return rows(R"({"name": "b", )" + fields + "}"); }

}  // namespace dydit::test
