// SPDX-License-Identifier: Apache-2.0
// The events of a trace as Kineto writes them, an event a line. Times are nanoseconds behind the begin of the window.
#pragma once

#include "gzip_text.h"
#include "timeline/trace.h"

namespace dydit::timeline {

/// As a string of JSON: escaped, and U+FFFD for what is not UTF-8.
std::string quoted(const std::string& text);

class TraceEvents {
 public:
  struct Place {  // a row of the trace: a thread of a process, or a stream of a GPU
    std::int64_t pid, tid;
  };

  explicit TraceEvents(const Append& append) : out_(append) {}

  void head(const TraceHeader& header, std::int64_t began, std::int64_t lost, std::int64_t malformed);
  void process(std::int64_t pid, const std::string& name, const std::string& label, std::int64_t sort_index);
  void thread(Place place, const std::string& name, std::int64_t sort_index);
  /// `name` is quoted; `args` are the members of an object.
  void span(const char* category, const std::string& name, Place place, const Interval& at, const std::string& args);
  void flow_begin(std::uint32_t id, Place place, std::int64_t time) { flow('s', id, place, time, ""); }
  void flow_end(std::uint32_t id, Place place, std::int64_t time) { flow('f', id, place, time, ", \"bp\": \"e\""); }
  void end(std::int64_t time);

 private:
  void metadata(const char* name, Place place, const char* key, const std::string& value);
  void flow(char phase, std::uint32_t id, Place place, std::int64_t time, const char* binding);

  GzipText out_;
};

}  // namespace dydit::timeline
