// SPDX-License-Identifier: Apache-2.0
#pragma once
// PyTorch's tensors in a pickle: calls of torch._utils._rebuild_... with a storage, an offset, a size and strides.
// Source of the arguments: torch/_utils.py and torch/_tensor.py.

#include <scale/io/detail/tensor_copies.hpp>
#include <scale/io/pickle_value.hpp>
#include <scale/io/stored_tensor.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale::detail {

struct torch_type_row {
  std::string_view storage;  // "" where only untyped storages hold it
  std::string_view dtype;
  stored_type type;
};

inline constexpr torch_type_row torch_types[] = {
    {"FloatStorage", "float32", stored_type::f32},
    {"DoubleStorage", "float64", stored_type::f64},
    {"HalfStorage", "float16", stored_type::f16},
    {"BFloat16Storage", "bfloat16", stored_type::bf16},
    {"LongStorage", "int64", stored_type::i64},
    {"IntStorage", "int32", stored_type::i32},
    {"ShortStorage", "int16", stored_type::i16},
    {"CharStorage", "int8", stored_type::i8},
    {"ByteStorage", "uint8", stored_type::u8},
    {"BoolStorage", "bool", stored_type::boolean},
    {"", "uint16", stored_type::u16},
    {"", "uint32", stored_type::u32},
    {"", "uint64", stored_type::u64},
    {"", "float8_e4m3fn", stored_type::f8_e4m3},
    {"", "float8_e5m2", stored_type::f8_e5m2},
};

/// What a tensor's id says of its storage.
struct torch_storage {
  std::string key;
  std::uint64_t bytes = 0;
  std::size_t unit = 1;             // bytes of what the file counts it in
  std::optional<stored_type> type;  // none: untyped
};

struct torch_tensor {
  torch_storage storage;
  strided_view view;
};

class torch_tensor_reader {
 public:
  explicit torch_tensor_reader(pickle_graph const& graph) : graph_(graph) {}

  bool is_tensor(pickle_ref at) const {
    if (graph_.kind(at) != pickle_kind::call) return false;
    pickle_ref const function = graph_.items(at)[0];
    std::string_view const module_name = graph_.text(graph_.items(function)[0]);
    return (module_name == "torch._utils" || module_name == "torch._tensor") &&
           graph_.text(graph_.items(function)[1]).substr(0, 8) == "_rebuild";
  }

  /// Throws input_error, naming the tensor, for kinds of tensors that are not plain arrays and for damaged arguments.
  torch_tensor read(pickle_ref at, std::string_view name) const {
    call made = call_of(at, name);
    // Around the tensor itself: a parameter, or a subclass with its state.
    for (int depth = 0; depth < 4; ++depth) {
      if ((made.is("_rebuild_parameter") && made.arguments.size() == 3) ||
          (made.is("_rebuild_parameter_with_state") && made.arguments.size() == 4)) {
        if (!is_tensor(made.arguments[0])) refuse(name, "a parameter of something that is no tensor");
        made = call_of(made.arguments[0], name);
      } else if (made.is("_rebuild_from_type_v2") && made.arguments.size() == 4) {
        pickle_ref const function = made.arguments[0];
        if (graph_.kind(function) != pickle_kind::global || graph_.kind(made.arguments[2]) != pickle_kind::tuple)
          refuse(name, "_rebuild_from_type_v2: expected a function and its arguments");
        made = {graph_.global_name(function), graph_.items(made.arguments[2])};
      } else {
        break;
      }
    }
    return plain_tensor(made, name);
  }

 private:
  struct call {
    std::string function;
    std::span<pickle_ref const> arguments;

    bool is(std::string_view name) const {
      return function == "torch._utils." + std::string(name) || function == "torch._tensor." + std::string(name);
    }
  };

  [[noreturn]] void refuse(std::string_view name, std::string const& what) const {
    refuse_file(graph_.path(), "tensor '" + printable(name) + "': " + what);
  }

  call call_of(pickle_ref at, std::string_view) const {
    return {graph_.global_name(graph_.items(at)[0]), graph_.items(graph_.items(at)[1])};
  }

  torch_tensor plain_tensor(call const& made, std::string_view name) const {
    std::size_t const given = made.arguments.size();
    bool const with_type = made.is("_rebuild_tensor_v3");
    bool const known = (made.is("_rebuild_tensor") && given == 4) ||
                       (made.is("_rebuild_tensor_v2") && (given == 6 || given == 7)) ||
                       (with_type && (given == 7 || given == 8));
    if (!known)
      refuse(name, "expected a plain tensor, made by torch._utils._rebuild_tensor, _v2 or _v3; found " + made.function +
                       " with " + std::to_string(given) +
                       " arguments: quantised, sparse and other tensors are not read, save it as a dense one");
    torch_tensor out;
    out.storage = storage_of(made.arguments[0], name);
    if (with_type) {
      out.view.type = type_of(made.arguments[6], name);
      if (out.storage.type && *out.storage.type != out.view.type) refuse(name, "its type is not that of its storage");
    } else {
      if (!out.storage.type) refuse(name, "an untyped storage, and no dtype");
      out.view.type = *out.storage.type;
    }
    out.view.offset = static_cast<std::uint64_t>(number(made.arguments[1], name, "offset"));
    out.view.shape = numbers(made.arguments[2], name, "size");
    out.view.strides = numbers(made.arguments[3], name, "stride");
    if (out.view.shape.size() != out.view.strides.size())
      refuse(name,
             std::to_string(out.view.shape.size()) + " sizes, " + std::to_string(out.view.strides.size()) + " strides");
    return out;
  }

  torch_storage storage_of(pickle_ref at, std::string_view name) const {
    if (graph_.kind(at) != pickle_kind::persistent) refuse(name, "its storage is not one of the file's");
    pickle_ref const id = graph_.items(at)[0];
    std::span<pickle_ref const> const items = graph_.items(id);
    bool const five = items.size() == 5, six = items.size() == 6;
    if (graph_.kind(id) != pickle_kind::tuple || (!five && !six) || !graph_.is_text(items[0]) ||
        graph_.text(items[0]) != "storage" || graph_.kind(items[1]) != pickle_kind::global || !graph_.is_text(items[2]))
      refuse(name, "expected the id of a storage: ('storage', type, key, location, number of elements)");
    if (six && graph_.kind(items[5]) != pickle_kind::none) refuse(name, "its storage is a view of another");
    torch_storage out;
    out.key = std::string(graph_.text(items[2]));
    out.type = storage_type(items[1], name);
    out.unit = out.type ? size_of(*out.type) : 1;
    std::uint64_t const elements = static_cast<std::uint64_t>(number(items[4], name, "number of elements"));
    if (__builtin_mul_overflow(elements, std::uint64_t{out.unit}, &out.bytes))
      refuse(name, "its storage's size overflows");
    return out;
  }

  std::optional<stored_type> storage_type(pickle_ref at, std::string_view name) const {
    std::string_view const module_name = graph_.text(graph_.items(at)[0]);
    std::string_view const word = graph_.text(graph_.items(at)[1]);
    if (module_name == "torch.storage" && word == "UntypedStorage") return std::nullopt;
    if (module_name == "torch" || module_name == "torch.cuda" || module_name == "torch.storage")
      for (torch_type_row const& row : torch_types)
        if (row.storage == word && !word.empty()) return row.type;
    refuse(name, "its storage is of the unknown type " + graph_.global_name(at));
  }

  stored_type type_of(pickle_ref at, std::string_view name) const {
    if (graph_.kind(at) != pickle_kind::global) refuse(name, "its dtype is none");
    if (graph_.text(graph_.items(at)[0]) == "torch")
      for (torch_type_row const& row : torch_types)
        if (row.dtype == graph_.text(graph_.items(at)[1])) return row.type;
    refuse(name, "dtype " + graph_.global_name(at) + " is not read; convert it, to float32 for one");
  }

  index_t number(pickle_ref at, std::string_view name, std::string const& what) const {
    if (graph_.kind(at) != pickle_kind::integer || graph_.integer(at) < 0)
      refuse(name, what + ": expected a whole number from 0 to 2^63 - 1");
    return graph_.integer(at);
  }

  std::vector<index_t> numbers(pickle_ref at, std::string_view name, std::string const& what) const {
    if (graph_.kind(at) == pickle_kind::call && graph_.is_global(graph_.items(at)[0], "torch", "Size") &&
        graph_.items(graph_.items(at)[1]).size() == 1)
      at = graph_.items(graph_.items(at)[1])[0];
    if (graph_.kind(at) != pickle_kind::tuple) refuse(name, what + ": expected a tuple of whole numbers");
    std::span<pickle_ref const> const items = graph_.items(at);
    if (items.size() > 64) refuse(name, what + ": " + std::to_string(items.size()) + " axes; at most 64 are read");
    std::vector<index_t> out;
    for (pickle_ref const item : items) out.push_back(number(item, name, what));
    return out;
  }

  pickle_graph const& graph_;
};

}  // namespace scale::detail
