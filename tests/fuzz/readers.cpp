// SPDX-License-Identifier: Apache-2.0
#include "fuzz/readers.hpp"

#include <scale/data/extraction_journal.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/data/journal_contents.hpp>
#include <scale/data/manifest_csv.hpp>
#include <scale/data/manifest_lists.hpp>
#include <scale/io/json_lines.hpp>
#include <scale/io/npy.hpp>
#include <scale/io/weights_file.hpp>
#include <scale/io/zip_archive.hpp>
#include <scale/nn/set_transformer_config.hpp>
#include <scale/ref.hpp>
#include <scale/train/checkpoint.hpp>
#include <scale/train/model_file.hpp>

#include "data/small_store.hpp"
#include "io/temporary_folder.hpp"
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fuzz {

namespace {

using std::filesystem::path;
using context = scale::ref::context;

/// What is read goes here, so that no read is left out.
unsigned volatile sink = 0;

void use(std::span<std::byte const> bytes) {
  unsigned sum = 0;
  for (std::byte const b : bytes) sum += std::to_integer<unsigned>(b);
  sink = sink + sum;
}

template <class Action>
bool read_or_refused(Action const& action) {
  try {
    action();
    return true;
  } catch (scale::input_error const&) {
    return false;
  }
}

bool read_safetensors(path const& p) {
  return read_or_refused([&] {
    scale::safetensors_file const file(p);
    for (scale::stored_tensor const& t : file.tensors()) use(t.bytes);
  });
}

bool read_weights(path const& p) {
  return read_or_refused([&] {
    scale::weights_file const file(p);
    for (scale::weight_group const& group : file.groups())
      for (scale::stored_tensor const& t : group.tensors) use(t.bytes);
    file.for_each_value([](scale::named_value const& value) { return value.path.size() + 1 != 0; });
  });
}

bool read_npy(path const& p) {
  return read_or_refused([&] { use(scale::npy_file(p).tensor().bytes); });
}

std::vector<scale::parameter_spec> two_tensors() {
  scale::parameter_spec weight, bias;
  weight.name = "weight";
  weight.shape = {3, 2};
  weight.fan_in = bias.fan_in = 2;
  bias.name = "bias";
  bias.shape = {3};
  return {weight, bias};
}

struct network {
  explicit network(context const& b)
      : params(b, scale::parameter_table(two_tensors())), m(b, scale::shape{params.table().size()}) {
    scale::fill(b, m, 0);
  }
  scale::parameters<float, context> params;
  scale::tensor<float, 1, context> m;
};

nlohmann::json const checkpoint_run = {{"lr", 1}};

bool read_checkpoint(path const& p) {
  return read_or_refused([&] {
    context const b;
    network n(b);
    scale::read_checkpoint<float, context>(p, b, checkpoint_run, n.params, n.m, n.m);
  });
}

scale::set_transformer_config small_model() {
  scale::set_transformer_config config;
  config.features = 2;
  config.width = 32;
  config.layers = 1;
  config.mlp_ratio = 0.0625;
  config.pred_hidden = config.target_hidden = config.set_dim = config.dense_dim = 1;
  config.heads = scale::pretraining_heads::absent;
  return config;
}

bool read_model(path const& p) {
  return read_or_refused([&] {
    scale::model_file const file(p);
    scale::set_transformer_config const& c = file.description().config;
    if (c.width * c.features > 1 << 16 || c.layers > 8) return;
    context const b;
    scale::parameters<float, context> params(
        b, scale::parameter_table(scale::set_transformer_parameters(file.encoder_config())));
    file.load(b, params);
  });
}

bool read_store(path const& p) {
  return read_or_refused([&] {
    scale::feature_store const store(p, {.videos = scale::store_videos::perhaps_none});
    for (scale::index_t video = 0; video < store.videos(); ++video) {
      use(store.raw_features(video));
      use(std::as_bytes(store.raw_positions_of(video)));
      sink = sink + static_cast<unsigned>(store.record(video).name.size());
    }
    store.verify();
  });
}

nlohmann::json const journal_identity = {{"videos", 9}};

bool read_journal(path const& p) {
  bool const looked_into = read_or_refused([&] { scale::read_journal_contents(p); });
  bool const gone_on_from = read_or_refused([&] {
    scale::extraction_journal const journal(p, journal_identity, 3, [](scale::index_t, auto const& video) {
      use(std::as_bytes(std::span(video.clips.features)));
    });
  });
  return looked_into && gone_on_from;
}

bool read_json(path const& p) {
  return read_or_refused([&] { scale::read_json(p); });
}

bool read_json_lines(path const& p) {
  return read_or_refused([&] { scale::read_json_lines(p); });
}

bool read_csv(path const& p) {
  return read_or_refused([&] { scale::read_csv(p); });
}

/// A list as each kind of list.
bool read_lists(path const& p) {
  using list_reader = scale::manifest (*)(path const&, scale::manifest_options const&);
  bool any = false;
  for (list_reader const read : {list_reader(scale::read_csv_manifest), list_reader(scale::read_kinetics_manifest),
                                 list_reader(scale::read_kinetics_meta_manifest),
                                 list_reader(scale::read_path_label_manifest), list_reader(scale::read_ssv2_manifest)})
    any = read_or_refused([&] {
            for (scale::manifest_entry const& entry : read(p, {"/root", scale::outside_paths::refused}).entries)
              if (!entry.file.lexically_normal().generic_string().starts_with("/root/"))
                throw std::logic_error("a name of the list leads out of its folder");
          }) ||
          any;
  return any;
}

// ---- repairs ----

template <class T>
T load(std::span<std::byte const> file, std::size_t at) {
  T out{};
  std::memcpy(&out, file.data() + at, sizeof(out));
  return out;
}

template <class T>
void save(std::span<std::byte> file, std::size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof(value));
}

void repair_safetensors(std::span<std::byte> file) {
  if (file.size() < 16) return;
  std::uint64_t const length = load<std::uint64_t>(file, 0);
  if (length > file.size() - 8) return;
  std::size_t const begin = 8 + static_cast<std::size_t>(length);
  std::string_view const header(reinterpret_cast<char const*>(file.data()), begin);
  scale::detail::block_checksums blocks;
  blocks.update(file.subspan(begin));
  std::string const crcs = blocks.finish(), key = "\"scale.crc32c\":\"";
  if (std::size_t const at = header.find(key); at != header.npos && at + key.size() + crcs.size() <= begin)
    std::memcpy(file.data() + at + key.size(), crcs.data(), crcs.size());
  std::size_t const digits = scale::detail::find_sha256_digits(header);
  if (digits == header.npos || digits + 64 > begin) return;
  std::memset(file.data() + digits, '0', 64);
  scale::sha256 hash;
  hash.update(file);
  std::string const text = scale::hex_text(hash.finish());
  std::memcpy(file.data() + digits, text.data(), text.size());
}

void repair_store(std::span<std::byte> file) {
  namespace fmt = scale::detail::store;
  fmt::file_header header;
  if (file.size() < sizeof(header)) return;
  std::memcpy(&header, file.data(), sizeof(header));
  auto const inside = [&](fmt::section const& s) { return s.begin <= file.size() && s.size <= file.size() - s.begin; };
  auto const crc_of = [&](fmt::section const& s) {
    return scale::crc32c(file.subspan(static_cast<std::size_t>(s.begin), static_cast<std::size_t>(s.size)));
  };
  if (inside(header.records)) header.records_crc = crc_of(header.records);
  if (inside(header.strings)) header.strings_crc = crc_of(header.strings);
  if (inside(header.description)) header.description_crc = crc_of(header.description);
  header.file_size = file.size();
  std::memcpy(file.data(), &header, sizeof(header));
  save(file, sizeof(header) - 4, scale::crc32c(file.first(sizeof(header) - 4)));
}

void repair_journal(std::span<std::byte> file) {
  namespace fmt = scale::detail::journal;
  fmt::file_header header;
  if (file.size() < sizeof(header)) return;
  std::memcpy(&header, file.data(), sizeof(header));
  std::size_t at = sizeof(header);
  if (header.identity_bytes > file.size() - at) return;
  save(file, 16, scale::crc32c(file.subspan(at, header.identity_bytes)));
  at += header.identity_bytes;
  fmt::record_header record;
  while (file.size() - at >= sizeof(record)) {
    std::memcpy(&record, file.data() + at, sizeof(record));
    if (record.bytes > file.size() - at - sizeof(record)) return;
    save(file, at + 4, scale::crc32c(file.subspan(at + sizeof(record), static_cast<std::size_t>(record.bytes))));
    at += sizeof(record) + static_cast<std::size_t>(record.bytes);
  }
}

/// CRC-32 of entries that are stored as they are, in their own header and in the directory's.
void repair_zip(std::span<std::byte> file) {
  std::string_view const text(reinterpret_cast<char const*>(file.data()), file.size());
  for (std::size_t at = text.find("PK\3\4"); at != text.npos && file.size() - at >= 30;
       at = text.find("PK\3\4", at + 4)) {
    std::size_t const name = load<std::uint16_t>(file, at + 26), extra = load<std::uint16_t>(file, at + 28);
    std::size_t const size = load<std::uint32_t>(file, at + 18), content = at + 30 + name + extra;
    if (load<std::uint16_t>(file, at + 8) != 0 || content > file.size() || size > file.size() - content) continue;
    std::uint32_t const crc = scale::zip_crc(file.subspan(content, size));
    save(file, at + 14, crc);
    std::string_view const own = text.substr(at + 30, name);
    for (std::size_t d = text.find("PK\1\2"); d != text.npos && file.size() - d >= 46; d = text.find("PK\1\2", d + 4))
      if (text.substr(d + 46, name) == own) save(file, d + 16, crc);
  }
}

// ---- seeds ----

std::string text_of(path const& p) { return testing::read_text(p); }

std::vector<std::string> golden(path const& tree, std::initializer_list<char const*> names) {
  std::vector<std::string> out;
  for (char const* const name : names) out.push_back(text_of(tree / "tests/golden/weights" / name));
  return out;
}

std::vector<std::string> safetensors_seeds(path const& tree) {
  return golden(tree, {"flat.safetensors", "flat_spaced.safetensors", "none.safetensors"});
}
std::vector<std::string> zip_seeds(path const& tree) {
  return golden(tree,
                {"flat.pth", "flat_protocol4.pth", "strided.pth", "module.pth", "nested.pth", "numpy_scalar.pth"});
}
std::vector<std::string> legacy_seeds(path const& tree) {
  return golden(tree, {"flat_legacy.pth", "strided_legacy.pth", "flat_old.pth"});
}
std::vector<std::string> pickle_seeds(path const& tree) {
  return golden(tree, {"blobs_python2.pkl", "blobs_python3.pkl", "blobs_protocol4.pkl", "store_index.pkl"});
}
std::vector<std::string> npz_seeds(path const& tree) { return golden(tree, {"flat.npz", "flat_deflate.npz"}); }
std::vector<std::string> npy_seeds(path const& tree) {
  return golden(tree,
                {"c.npy", "fortran.npy", "bool.npy", "big_endian.npy", "version2.npy", "version3.npy", "zero_d.npy"});
}

std::vector<std::string> checkpoint_seeds(path const&) {
  testing::temporary_folder const folder;
  context const b;
  network const n(b);
  scale::write_checkpoint<float, context>(folder / "c", b, n.params, n.m, n.m, {3, 1, checkpoint_run, {}});
  return {text_of(folder / "c")};
}

std::vector<std::string> model_seeds(path const&) {
  testing::temporary_folder const folder;
  context const b;
  scale::parameters<float, context> const params(
      b, scale::parameter_table(scale::set_transformer_parameters(small_model())));
  scale::model_description about;
  about.config = small_model();
  scale::write_model(folder / "paper", b, params, about);
  about.input = scale::input_kind::centred;
  about.input_scale = {1, 2};
  scale::write_model(folder / "centred", b, params, about);
  return {text_of(folder / "paper"), text_of(folder / "centred")};
}

std::vector<std::string> store_seeds(path const&) {
  testing::temporary_folder const folder;
  testing::write_store(folder / "a", scale::stored_type::f16, 3, {2, 2});
  testing::write_store(folder / "b", scale::stored_type::f32, 2, {1, 3});
  return {text_of(folder / "a"), text_of(folder / "b")};
}

std::vector<std::string> journal_seeds(path const&) {
  testing::temporary_folder const folder;
  {
    scale::extraction_journal journal(folder / "j", journal_identity, 3, [](scale::index_t, auto const&) {});
    for (int i = 0; i < 3; ++i) {
      scale::extracted_video video;
      video.index = i;
      if (i == 1) {
        video.failure = "no frame decodes";
      } else {
        video.clips.features.assign(6, 1);
        video.clips.positions.assign(14, 0.5f);
        video.clips.raw_positions.assign(14, 2);
      }
      journal.append(video);
    }
  }
  return {text_of(folder / "j")};
}

std::vector<std::string> json_seeds(path const&) {
  return {R"({"a": [1, -2.5e3, true, null, "\u00e9\ud83d\ude00"], "b": {"c": {}}})", "[]", "3", R"("text")"};
}
std::vector<std::string> json_lines_seeds(path const&) {
  return {"{\"step\": 1, \"loss\": 0.5}\n{\"step\": 2, \"loss\": 0.25}\n", "{}\n", ""};
}
std::vector<std::string> csv_seeds(path const&) {
  return {"path,label,split\na/b.mp4,hug,train\n\"c, d.mp4\",\"a \"\"b\"\"\",test\r\n", "\xef\xbb\xbfpath\nx.avi\n"};
}
std::vector<std::string> list_seeds(path const&) {
  return {"path,label\na.mp4,hug\nb/c.mp4,kick\n",
          "path,label,label_name\na.mp4,1,hug\nb.mp4,0,kick\n",
          "label,youtube_id,time_start,time_end,split\nabseiling,0347ZoDXyP0,95,105,train\n",
          "a.mp4 0\nb c.mp4 1\n",
          R"([{"id": "1", "label": "x", "template": "Moving [something]", "placeholders": ["x"]}])",
          "path\n../a.mp4\n",
          "path\n/a.mp4\n"};
}

constexpr std::array<reader, 14> all = {{
    {"safetensors", read_safetensors, nullptr, 1, safetensors_seeds},
    {"torch_zip", read_weights, repair_zip, 1, zip_seeds},
    {"torch_legacy", read_weights, nullptr, 1, legacy_seeds},
    {"pickle", read_weights, nullptr, 1, pickle_seeds},
    {"npz", read_weights, repair_zip, 1, npz_seeds},
    {"npy", read_npy, nullptr, 1, npy_seeds},
    {"checkpoint", read_checkpoint, repair_safetensors, 1, checkpoint_seeds},
    {"model", read_model, repair_safetensors, 1, model_seeds},
    {"store", read_store, repair_store, 1, store_seeds},
    {"journal", read_journal, repair_journal, 1, journal_seeds},
    {"json", read_json, nullptr, 1, json_seeds},
    {"json_lines", read_json_lines, nullptr, 1, json_lines_seeds},
    {"csv", read_csv, nullptr, 160, csv_seeds},
    {"lists", read_lists, nullptr, 160, list_seeds},
}};

void change(std::string& file, std::mt19937_64& random) {
  static constexpr std::uint64_t words[] = {
      0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000u, 0xffffffffu, 1ull << 62, 1ull << 63, ~0ull};
  if (file.empty()) {
    file += static_cast<char>(random());
    return;
  }
  std::size_t const at = random() % file.size();
  switch (random() % 7) {
    case 0: file[at] = static_cast<char>(file[at] ^ (1 << (random() % 8))); break;
    case 1: file[at] = static_cast<char>(random()); break;
    case 2: {  // a number that formats trip over, of 1 to 8 bytes
      std::uint64_t const word = words[random() % std::size(words)];
      std::memcpy(&file[at], &word, (std::min)(std::size_t{1} << (random() % 4), file.size() - at));
      break;
    }
    case 3: {  // a piece of the file over another
      std::size_t const from = random() % file.size();
      std::size_t const size = (std::min)({std::size_t{1} + random() % 32, file.size() - at, file.size() - from});
      std::memmove(&file[at], &file[from], size);
      break;
    }
    case 4: file.erase(at, 1 + random() % 16); break;
    case 5: file.insert(at, file.substr(random() % file.size(), 1 + random() % 16)); break;
    default: file.resize(at);
  }
}

}  // namespace

std::span<reader const> readers() { return all; }

reader const& reader_named(std::string_view name) {
  std::string known;
  for (reader const& r : all) {
    if (r.name == name) return r;
    known += " " + std::string(r.name);
  }
  throw std::invalid_argument("expected the name of a reader, found '" + std::string(name) + "'; there are:" + known);
}

std::string mutated(std::string file, reader const& r, std::mt19937_64& random) {
  for (std::uint64_t i = 0, count = 1 + random() % 4; i < count; ++i) change(file, random);
  if (r.repair != nullptr && random() % 2 == 0) r.repair(std::as_writable_bytes(std::span(file)));
  return file;
}

memory_file::memory_file() : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
  if (descriptor_ < 0) throw std::runtime_error("no file in memory can be made");
  path_ = "/proc/self/fd/" + std::to_string(descriptor_);
}

memory_file::~memory_file() { ::close(descriptor_); }

std::filesystem::path const& memory_file::put(std::span<std::byte const> bytes) {
  bool good = ::ftruncate(descriptor_, 0) == 0;
  for (std::size_t done = 0; good && done < bytes.size();) {
    ::ssize_t const written =
        ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<::off_t>(done));
    good = written > 0;
    done += good ? static_cast<std::size_t>(written) : 0;
  }
  if (!good) throw std::runtime_error("a file in memory cannot be written");
  return path_;
}

}  // namespace fuzz
