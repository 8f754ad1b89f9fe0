// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which names of classes and functions a pickle of weights may mention. None is ever called: a name that is not known
// becomes the label of an opaque value. Refused are those that no honest file of weights has a use for.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace scale::detail {

/// What a call of a global makes, where it is a container.
enum class pickle_container { no, dict, list, set, frozen_set };

inline constexpr std::string_view pickle_refused_modules[] = {
    "_io",
    "_pickle",
    "_posixsubprocess",
    "_winapi",
    "asyncio",
    "atexit",
    "bdb",
    "cPickle",
    "code",
    "codeop",
    "commands",
    "ctypes",
    "dill",
    "ftplib",
    "gc",
    "http",
    "importlib",
    "inspect",
    "io",
    "linecache",
    "marshal",
    "multiprocessing",
    "nt",
    "operator",
    "os",
    "pdb",
    "pickle",
    "pip",
    "pkgutil",
    "popen2",
    "posix",
    "pty",
    "requests",
    "runpy",
    "shutil",
    "signal",
    "site",
    "smtplib",
    "socket",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "timeit",
    "urllib",
    "urllib2",
    "webbrowser",
    "zipimport",
};

/// Types; every other name of builtins is a function or an exception.
inline constexpr std::string_view pickle_builtin_types[] = {
    "Ellipsis", "NotImplemented", "bool",   "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int",
    "list",     "long",           "object", "range",     "set",   "slice",   "str",  "tuple", "unicode",   "xrange",
};

inline bool is_builtins(std::string_view module_name) {
  return module_name == "builtins" || module_name == "__builtin__" || module_name == "__builtins__";
}

/// A dotted name, as of a class inside another, may not lead to a module of these either, nor to what Python keeps for
/// itself.
inline bool is_refused_global(std::string_view module_name, std::string_view name) {
  auto const among = [](auto const& list, std::string_view word) {
    return std::find(std::begin(list), std::end(list), word) != std::end(list);
  };
  if (module_name.empty() || name.empty()) return true;
  if (is_builtins(module_name)) return !among(pickle_builtin_types, name);
  if (among(pickle_refused_modules, module_name.substr(0, module_name.find('.')))) return true;
  if (name.find('.') == std::string_view::npos) return false;
  for (std::string_view rest = name;;) {
    std::size_t const dot = rest.find('.');
    std::string_view const part = rest.substr(0, dot);
    if (part.empty() || part.starts_with("__") || is_builtins(part) || among(pickle_refused_modules, part)) return true;
    if (dot == std::string_view::npos) return false;
    rest.remove_prefix(dot + 1);
  }
}

inline pickle_container container_of_global(std::string_view module_name, std::string_view name) {
  if (module_name == "collections") {
    if (name == "OrderedDict" || name == "defaultdict" || name == "Counter") return pickle_container::dict;
    if (name == "deque") return pickle_container::list;
  }
  if (is_builtins(module_name)) {
    if (name == "set") return pickle_container::set;
    if (name == "frozenset") return pickle_container::frozen_set;
  }
  return pickle_container::no;
}

}  // namespace scale::detail
