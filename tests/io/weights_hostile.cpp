// SPDX-License-Identifier: Apache-2.0
// Files made to harm: refused, or read where that is as good, in little time and memory; nothing in them runs.
#include <scale/io/json.hpp>
#include <scale/io/weights_file.hpp>

#include "io/allocation_peak.hpp"
#include "io/temporary_folder.hpp"
#include "io/weights_folders.hpp"
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace testing;
using nlohmann::json;
using scale::input_error;
using scale::weights_file;

constexpr std::size_t mebibyte = std::size_t{1} << 20;

#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
constexpr double slower = 20;
#else
constexpr double slower = 1;
#endif

/// Reads everything; true where it was accepted. Any other exception than input_error fails the test.
bool is_read(std::filesystem::path const& path) {
  try {
    weights_file const file(path);
    unsigned sum = 0;
    for (scale::stored_tensor const& tensor : file.tensors())
      for (std::byte const b : tensor.bytes) sum += std::to_integer<unsigned>(b);
    file.for_each_value([&](scale::named_value const& value) { return value.path.size() + sum != 1; });
    return true;
  } catch (input_error const& e) {
    CHECK(contains(e.what(), path.filename().string().substr(0, 1)));
    return false;
  }
}

std::string many(std::string const& part, std::size_t bytes = mebibyte) {
  std::string out;
  while (out.size() + part.size() <= bytes) out += part;
  return out;
}

std::string text_op(std::string const& text) {
  return std::string("X") + static_cast<char>(text.size() & 0xff) + static_cast<char>(text.size() >> 8) +
         std::string(2, '\0') + text;
}

using namespace std::string_literals;

/// An array of one float32, as Python 2 writes it.
std::string const array_op =
    "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tU\1btR(K\1(K\1t"s
    "cnumpy\ndtype\n(U\2f4K\0K\1tR(K\3U\1<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89U\4\0\0\x80?tb"s;

}  // namespace

TEST_CASE("weights_file: the hostile files, as their list expects") {
  for (std::filesystem::path const& folder : weights_folders()) {
    json const all = scale::read_json(folder / "hostile/expected.json").at("files");
    CHECK(all.size() >= 159);
    for (auto const& [name, expected] : all.items()) {
      std::filesystem::path const path = folder / "hostile" / name;
      INFO("file: ", path.string(), ": ", expected.at("why").get<std::string>());
      bool read = false;
      double seconds = 0;
      std::size_t const peak = peak_of([&] { seconds = seconds_of([&] { read = is_read(path); }); });
      if (expected.at("expect") == "refuse") CHECK_FALSE(read);
      CHECK(peak < std::filesystem::file_size(path) + 16 * mebibyte);
      CHECK(seconds < 0.05 * slower);
    }
  }
}

TEST_CASE("weights_file: a mebibyte of anything is refused in 50 ms and 17 MiB") {
  temporary_folder const folder;
  std::mt19937 random(20230927);
  std::string noise(mebibyte, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  std::string const pickle = "\x80\x02";
  std::string const zip_end = std::string("PK\5\6") + std::string(16, '\0') + std::string("\0\0", 2);
  std::vector<std::pair<std::string, std::string>> files = {
      {"noise", noise},
      {"zip noise", "PK\3\4" + noise},
      {"zip ends", "PK\3\4" + many("PK\5\6")},
      {"zip whole ends", "PK\3\4" + many(zip_end)},
      {"npy noise", std::string("\x93NUMPY\1\0\xff\xff", 10) + noise},
      {"npy spaces", std::string("\x93NUMPY\2\0\xff\xff\0\0{", 13) + many(" ")},
      {"braces", many("{")},
      {"brackets", "{\"weight_map\":" + many("[")},
      {"safetensors braces", std::string("\xf8\xff\x0f\0\0\0\0\0", 8) + many("{\"a\":")},
      {"safetensors entries", std::string("\xf8\xff\x0f\0\0\0\0\0", 8) + "{" +
                                  many("\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},")},
  };
  // Opcodes that push, each alone, and a few that grow things.
  for (std::string const& op : {std::string("("),
                                std::string("N"),
                                std::string("]"),
                                std::string("}"),
                                std::string(")"),
                                std::string("\x8f"),
                                std::string("K\1"),
                                std::string("M\1\1"),
                                std::string("J\1\1\1\1"),
                                std::string("U\1a"),
                                std::string("\x8c\1a"),
                                std::string("\x8a\1\1"),
                                std::string("G\1\1\1\1\1\1\1\1"),
                                std::string("N\x94"),
                                std::string("N\x85"),
                                std::string("]\x94h\0a", 5),
                                std::string("(NNNNt"),
                                std::string("}NNs"),
                                std::string("ca\nb\n"),
                                std::string("(\x91"),
                                std::string("NQ"),
                                std::string("N0"),
                                std::string("(1"),
                                std::string("N2"),
                                std::string("ca\nb\n)R")}) {
    files.emplace_back("pickle of " + scale::printable(op), pickle + many(op));
    files.emplace_back("deep pickle of " + scale::printable(op), pickle + "]\x94" + many(op));
    files.emplace_back("whole pickle of " + scale::printable(op), pickle + "(" + many(op) + "t.");
  }
  files.emplace_back("nested tuples", pickle + "N" + many("\x85") + ".");
  files.emplace_back("nested lists", pickle + many("]", mebibyte / 2) + many("a", mebibyte / 2 - 1) + ".");
  std::string shared = pickle + "]" + array_op + "a\x94";
  for (int level = 0; level < 50; ++level) shared += "](" + many("h"s + static_cast<char>(level), 400) + "e\x94";
  files.emplace_back("shared lists", shared + ".");
  files.emplace_back("a list in itself", pickle + "]\x94" + array_op + "a" + many("h\0a"s, mebibyte - 1000) + ".");
  files.emplace_back("mentions", pickle + "(" + array_op + "\x94" + many("h\0"s) + "t.");
  files.emplace_back("gaps in the memo", pickle + "N" + many("r\xff\xff\0\0"s) + ".");
  for (auto const& [name, content] : files) {
    INFO("content: ", name);
    auto const path = folder.write("w.pth", content);
    bool read = false;
    double seconds = 0;
    std::size_t const peak = peak_of([&] { seconds = seconds_of([&] { read = is_read(path); }); });
    CHECK_FALSE(read);
    CHECK(peak < content.size() + 16 * mebibyte);
    CHECK(seconds < 0.05 * slower);
  }
}

TEST_CASE("weights_file: as many tensors as the limit lets through stay within memory") {
  temporary_folder const folder;
  std::string pickle = "\x80\x02}(";
  std::size_t count = 0;
  for (; count < 5000; ++count) pickle += text_op("layer." + std::to_string(count) + ".weight") + array_op;
  auto const path = folder.write("w.pkl", pickle + "u.");
  std::size_t tensors = 0;
  std::size_t const peak = peak_of([&] { tensors = weights_file(path).tensors().size(); });
  CHECK(tensors == count);
  CHECK(peak < pickle.size() + 4 * count + 16 * mebibyte);
  // One more level of names: the same long start for all of them.
  auto const with_long_names = [&](std::size_t size) {
    std::string text = "\x80\x02}" + text_op(std::string(size, 'n')) + "}(";
    for (std::size_t i = 0; i < count; ++i) text += text_op(std::to_string(i)) + array_op;
    return folder.write("long.pkl", text + "us.");
  };
  auto const long_names = with_long_names(400);
  std::size_t const more = peak_of([&] { tensors = weights_file(long_names).tensors().size(); });
  CHECK(tensors == count);
  CHECK(more < std::filesystem::file_size(long_names) + 4 * count + 16 * mebibyte);
  auto const longer = with_long_names(1000);
  CHECK(contains(message_of<input_error>([&] { weights_file{longer}; }), "2 MiB"));
  auto const longest = with_long_names(1025);
  CHECK(contains(message_of<input_error>([&] { weights_file{longest}; }), "1024 bytes"));
}

TEST_CASE("weights_file: globals by name") {
  temporary_folder const folder;
  auto const why = [&](std::string const& global) {
    std::string const pickle = "\x80\x02}" + text_op("w") + array_op + "s" + text_op("x") + "c" + global + "\n)Rs.";
    return message_of<input_error>([&] { weights_file(folder.write("w.pkl", pickle)); });
  };
  for (std::string const name :
       {"os\nsystem", "nt\nsystem", "posix\nsystem", "subprocess\nPopen", "builtins\nexec", "__builtin__\neval",
        "builtins\n__import__", "importlib\nimport_module", "sys\nexit", "os.path\njoin", "runpy\nrun_path",
        "argparse\nA.__init__", "torch.serialization\nos.system", "a.b\nC.builtins.eval"}) {
    std::string spelled = name;
    spelled[spelled.find('\n')] = '.';
    INFO("global: ", spelled);
    CHECK(contains(why(name), spelled));
  }
  auto const label = [&](std::string const& global) {
    std::string const pickle = "\x80\x02}" + text_op("w") + array_op + "s" + text_op("x") + "c" + global + "\n)Rs.";
    weights_file const file(folder.write("w.pkl", pickle));
    CHECK(file.tensors().size() == 1);
    auto const values = file.values();
    REQUIRE(values.size() == 1);
    return std::get<scale::opaque_value>(values[0].value).what;
  };
  CHECK(label("argparse\nNamespace") == "Namespace");
  CHECK(label("yacs.config\nCfgNode") == "CfgNode");
  CHECK(label("pathlib\nPosixPath") == "PosixPath");
  CHECK(label("numpy\nint64") == "numpy int64");
  CHECK(label("argparse\nOuter.Inner") == "Outer.Inner");
}
