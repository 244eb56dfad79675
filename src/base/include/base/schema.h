// SPDX-License-Identifier: Apache-2.0
// Options stated once: their names, what they may be and what they are for. A profile is read by them, a manifest
// written, and the command line offers them.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/keys.h"

namespace dydit {

using Json = nlohmann::ordered_json;

/// An option of whatever it belongs to.
struct Option {
  enum class Kind { value, list, flag };
  std::string name;  ///< in profiles: "learning_rate"; on the command line it is --learning-rate
  std::string help;
  Kind kind;
  std::string words;  ///< what a value may be: "from 1 to 1,000", "linear or cosine"
  /// A value from a text of the command line. Throws UsageError naming `where` where it is none.
  std::function<Json(const std::string& text, const std::string& where)> parse;
};

/// "a, b or c"
std::string any_of(const std::vector<std::string>& names);
/// Throws UsageError, `where` and the value, unless it is among the known ones.
void require_known(const std::string& value, const std::vector<std::string>& known, const std::string& where);

/// Throws UsageError unless there is an entry, and each is there once.
template <typename V>
void require_distinct(const std::vector<V>& list, const std::string& where) {
  if (list.empty()) throw UsageError("an empty list", where, "give one entry at least");
  for (const V& entry : list)
    if (std::count(list.begin(), list.end(), entry) > 1)
      throw UsageError("an entry given twice", where, "give it once");
}

template <typename T>
class Schema {
 public:
  /// A number within bounds.
  template <typename V>
  Schema& add(const std::string& name, V T::*member, const Bounds<V>& bounds, std::string help) {
    const auto read = [=](Keys& keys, T& to) { keys.read(name, to.*member, bounds); };
    return put(number(name, Option::Kind::value, bounds, help), read,
               [=](const T& from) { return Json(from.*member); });
  }
  /// One that need not be there.
  template <typename V>
  Schema& add(const std::string& name, std::optional<V> T::*member, const Bounds<V>& bounds, std::string help) {
    const auto read = [=](Keys& keys, T& to) {
      if (V value{}; !keys.take(name).is_null()) keys.read(name, value, bounds), to.*member = value;
    };
    const auto write = [=](const T& from) { return from.*member ? Json(*(from.*member)) : Json(); };
    return put(number(name, Option::Kind::value, bounds, help), read, write);
  }
  /// A list of numbers: one at least, each once.
  template <typename V>
  Schema& add(const std::string& name, std::vector<V> T::*member, const Bounds<V>& bounds, std::string help) {
    const auto read = [=](Keys& keys, T& to) {
      keys.read(name, to.*member, bounds);
      if (!keys.take(name).is_null()) require_distinct(to.*member, keys.where() + "." + name);
    };
    return put(number(name, Option::Kind::list, bounds, help), read, [=](const T& from) { return Json(from.*member); });
  }
  /// One of the known texts, or an empty one that nobody gave; any where none is known.
  Schema& add(const std::string& name, std::string T::*member, const std::vector<std::string>& known,
              std::string help) {
    const auto read = [=](Keys& keys, T& to) {
      keys.read(name, to.*member);
      if (!known.empty() && !keys.take(name).is_null()) require_known(to.*member, known, keys.where() + "." + name);
    };
    return put(text(name, Option::Kind::value, known, help), read,
               [=](const T& from) { return known.empty() || !(from.*member).empty() ? Json(from.*member) : Json(); });
  }
  /// Any texts, also none.
  Schema& add(const std::string& name, std::vector<std::string> T::*member, std::string help) {
    return put(
        text(name, Option::Kind::list, {}, help), [=](Keys& keys, T& to) { keys.read(name, to.*member); },
        [=](const T& from) { return Json(from.*member); });
  }
  Schema& add(const std::string& name, bool T::*member, std::string help) {
    return put(
        {name, std::move(help), Option::Kind::flag, "", {}}, [=](Keys& keys, T& to) { keys.read(name, to.*member); },
        [=](const T& from) { return Json(from.*member); });
  }
  /// What is none of these.
  Schema& put(Option option, std::function<void(Keys&, T&)> read, std::function<Json(const T&)> write) {
    options_.push_back(std::move(option));
    rows_.push_back({std::move(read), std::move(write)});
    return *this;
  }

  /// What `keys` have; the rest stays as it is. Throws UsageError.
  void read(Keys& keys, T& to) const {
    for (const Row& row : rows_) row.read(keys, to);
  }
  /// The same of a whole object, in which a key that is not known is refused.
  T from_json(const Json& json, const std::string& where, T start = {}) const {
    Keys keys(json, where);
    read(keys, start);
    keys.finish();
    return start;
  }
  /// All of them, but those that are not there.
  Json to_json(const T& from) const {
    Json json = Json::object();
    for (std::size_t i = 0; i < rows_.size(); ++i)
      if (Json value = rows_[i].write(from); !value.is_null()) json[options_[i].name] = std::move(value);
    return json;
  }

  const std::vector<Option>& options() const { return options_; }

 private:
  struct Row {
    std::function<void(Keys&, T&)> read;
    std::function<Json(const T&)> write;
  };
  template <typename V>
  static Option number(const std::string& name, Option::Kind kind, const Bounds<V>& bounds, std::string& help) {
    return {name, std::move(help), kind, bounds.words(),
            [=](const std::string& text, const std::string& where) { return Json(bounds.parse(text, where)); }};
  }
  static Option text(const std::string& name, Option::Kind kind, const std::vector<std::string>& known,
                     std::string& help) {
    return {name, std::move(help), kind, known.empty() ? "TEXT" : any_of(known),
            [=](const std::string& text, const std::string& where) {
              if (!known.empty()) require_known(text, known, where);
              return Json(text);
            }};
  }

  std::vector<Option> options_;
  std::vector<Row> rows_;
};

}  // namespace dydit
