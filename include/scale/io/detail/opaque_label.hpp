// SPDX-License-Identifier: Apache-2.0
#pragma once
// Values of a pickle as users meet them: plain ones as they are, all others by a word for what they are.

#include <scale/io/detail/pickle_walk.hpp>
#include <scale/io/json_text.hpp>
#include <scale/io/pickle_value.hpp>
#include <scale/io/weight_value.hpp>

#include <string>
#include <string_view>

namespace scale::detail {

/// Of an object its class, without the module; of NumPy's, what they are.
inline std::string label_of_call(pickle_graph const& graph, pickle_ref at) {
  pickle_ref const global = graph.items(at)[0];
  std::string_view const module_name = graph.text(graph.items(global)[0]);
  std::string_view const name = graph.text(graph.items(global)[1]);
  if (module_name.starts_with("numpy")) {
    if (name == "scalar") return "numpy scalar";
    if (name == "_reconstruct" || name == "_frombuffer") return "numpy array";
    return "numpy " + to_utf8(name);
  }
  if (module_name == "_codecs" || name == "bytes") return "bytes";
  return to_utf8(name);
}

inline weight_value value_of(pickle_graph const& graph, pickle_ref at) {
  switch (graph.kind(at)) {
    case pickle_kind::none: return std::monostate();
    case pickle_kind::truth: return graph.integer(at) != 0;
    case pickle_kind::integer: return graph.integer(at);
    case pickle_kind::long_integer: return large_integer{decimal_digits(graph.text(at))};
    case pickle_kind::real: return graph.real(at);
    case pickle_kind::text:
    case pickle_kind::byte_text: return to_utf8(graph.text(at));
    case pickle_kind::bytes: return opaque_value{"bytes"};
    case pickle_kind::tuple: return opaque_value{"tuple"};
    case pickle_kind::list: return opaque_value{"list"};
    case pickle_kind::dict: return opaque_value{"dict"};
    case pickle_kind::set: return opaque_value{"set"};
    case pickle_kind::frozen_set: return opaque_value{"frozenset"};
    case pickle_kind::global: return opaque_value{to_utf8(graph.global_name(at))};
    case pickle_kind::call: return opaque_value{label_of_call(graph, at)};
    case pickle_kind::persistent: return opaque_value{"storage"};
  }
  return opaque_value{"unknown"};
}

}  // namespace scale::detail
