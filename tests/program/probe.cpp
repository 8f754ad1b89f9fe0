// SPDX-License-Identifier: Apache-2.0
// scale probe: which rows there are, what they say, and what is refused.
#include "program/small_videos.hpp"
#include <doctest/doctest.h>

#include <set>
#include <utility>

namespace {

using namespace testing;
using nlohmann::json;
using list = std::vector<std::string>;
using row_names = std::set<std::pair<std::string, std::string>>;  // method, features

list const quick = {"--k", "3", "--epochs", "2", "--batch", "4", "--threads", "1"};

/// `scale probe --json` with the small collection's training store.
outcome probe(list const& more) {
  return scale_program(words({{"probe", "--train", small_collection::get().train_store(), "--json"}, quick, more}));
}

std::vector<json> rows_of(outcome const& done) {
  INFO("it said: ", done.err);
  REQUIRE(done.code == 0);
  return done.json_lines();
}

row_names names_of(std::vector<json> const& rows) {
  row_names names;
  for (json const& row : rows) CHECK(names.emplace(row.at("method"), row.at("features")).second);
  return names;
}

list on_test() { return {"--test", small_collection::get().test_store()}; }
list with_model() { return {"--model", small_collection::get().run()}; }

TEST_CASE("probe: every method on every kind of features, backbone alone included; what each row says") {
  auto const rows = rows_of(probe(words({on_test(), with_model(), {"--method", "knn,linear,ridge,mlp,finetune"}})));
  row_names const expected = {{"metadata", "size+length+rate"},
                              {"knn", "x"},
                              {"knn", "cls"},
                              {"knn", "x+cls"},
                              {"linear", "x"},
                              {"linear", "cls"},
                              {"linear", "x+cls"},
                              {"ridge", "x"},
                              {"ridge", "cls"},
                              {"ridge", "x+cls"},
                              {"mlp", "x"},
                              {"finetune", "cls"},
                              {"finetune", "x+cls"}};
  CHECK(names_of(rows) == expected);
  for (json const& row : rows) {
    INFO("row: ", row.dump());
    double const top1 = row.at("top1").get<double>();
    CHECK(top1 >= 0);
    CHECK(row.at("top5") == 100.0);  // of two classes
    CHECK(row.at("mean_class").is_number());
    REQUIRE(row.at("ci95").size() == 2);
    CHECK(row.at("ci95")[0].get<double>() <= top1);
    CHECK(top1 <= row.at("ci95")[1].get<double>());
    CHECK(row.at("n") == small_collection::test_videos);
    bool const trained = row.at("method") == "linear" || row.at("method") == "mlp" || row.at("method") == "finetune";
    CHECK(row.contains("top1_by_average") == trained);
    if (!trained) continue;
    for (char const* way : {"logits", "avg_logits", "avg_probs"}) CHECK(row.at("top1_by_average").at(way).is_number());
  }
}

TEST_CASE("probe: what the videos show can be learnt, their sizes and lengths tell nothing") {
  auto const rows = rows_of(probe(words({on_test(), {"--method", "ridge"}})));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].at("method") == "metadata");
  CHECK(rows[0].at("top1") == 50.0);
  CHECK(rows[1].at("features") == "x");
  CHECK(rows[1].at("top1").get<double>() > 80);
}

TEST_CASE("probe: without a model x alone; knn and linear are the default") {
  row_names const expected = {{"metadata", "size+length+rate"}, {"knn", "x"}, {"linear", "x"}};
  CHECK(names_of(rows_of(probe(on_test()))) == expected);
}

TEST_CASE("probe: the row of the backbone alone is there whatever is asked for") {
  SUBCASE("features") {
    auto const names =
        names_of(rows_of(probe(words({on_test(), with_model(), {"--method", "knn", "--features", "cls"}}))));
    CHECK(names == row_names{{"metadata", "size+length+rate"}, {"knn", "x"}, {"knn", "cls"}});
  }
  SUBCASE("several features, x+h+cls among them") {
    auto const names =
        names_of(rows_of(probe(words({on_test(), with_model(), {"--method", "ridge", "--features", "x+h+cls,cls"}}))));
    CHECK(names == row_names{{"metadata", "size+length+rate"}, {"ridge", "x"}, {"ridge", "x+h+cls"}, {"ridge", "cls"}});
  }
  SUBCASE("fine-tuning alone") {
    auto const names = names_of(rows_of(probe(words({on_test(), with_model(), {"--method", "finetune"}}))));
    CHECK(names.contains({"finetune", "x+cls"}));
    CHECK(names.contains({"linear", "x"}));
  }
}

TEST_CASE("probe: --group leaves out one group after the other: every video is tested once") {
  auto const rows = rows_of(probe({"--group", "group", "--method", "knn,ridge,linear"}));
  CHECK(names_of(rows) == row_names{{"metadata", "size+length+rate"}, {"knn", "x"}, {"ridge", "x"}, {"linear", "x"}});
  for (json const& row : rows) CHECK(row.at("n") == small_collection::train_videos);
}

TEST_CASE("probe: groups that do not work are refused with the reason") {
  outcome const absent = probe({"--group", "author"});
  CHECK((absent.code == 2 || absent.code == 3));
  CHECK(absent.out.empty());
  CHECK(contains(absent.err, "author"));

  outcome const single = probe({"--group", "path", "--method", "knn"});  // one video each
  INFO("it said: ", single.err);
  CHECK((single.code == 2 || single.code == 3));
  CHECK(contains(single.err, "knn"));
  CHECK(contains(single.err, "group"));
}

TEST_CASE("probe: --percent learns from the first videos of each class alone") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  std::string half = "path,label,group\n";
  std::vector<std::string> const lines = lines_of(bytes_of(small.train_list()));
  for (int i = 1; i <= small.train_videos / 2; ++i)
    half += (small.videos() / lines[static_cast<std::size_t>(i)]).string() + "\n";
  std::filesystem::path const half_list = folder.write("half.csv", half);
  outcome const made = scale_program(words(
      {{"extract", half_list, "--out", folder / "half.store", "--allow-outside"}, small_views("lin", small.clips)}));
  REQUIRE(made.code == 0);
  list const methods = words({on_test(), with_model(), {"--method", "knn,ridge,linear"}});
  auto const with_percent = rows_of(probe(words({methods, {"--percent", "50"}})));
  auto const with_half = rows_of(probe(words({methods, {"--train", folder / "half.store"}})));
  CHECK(with_percent == with_half);
}

TEST_CASE("probe: the same rows every time, for any number of threads") {
  list const methods = words({on_test(), with_model(), {"--method", "knn,linear,finetune"}});
  auto const first = rows_of(probe(methods));
  CHECK(rows_of(probe(methods)) == first);
  CHECK(rows_of(probe(words({methods, {"--threads", "3"}}))) == first);
}

TEST_CASE("probe: the text table has a line per row under a heading") {
  outcome const done = scale_program(words({{"probe", "--train", small_collection::get().train_store()},
                                            quick,
                                            on_test(),
                                            with_model(),
                                            {"--method", "knn"}}));
  REQUIRE(done.code == 0);
  auto const lines = lines_of(done.out);
  REQUIRE(lines.size() == 5);
  CHECK(contains(lines[0], "method"));
  CHECK(contains(lines[0], "top-1"));
  CHECK(lines[1].starts_with("metadata"));
  for (std::size_t i = 2; i < 5; ++i) CHECK(lines[i].starts_with("knn"));
}

TEST_CASE("probe: --out appends the rows to a file of JSON lines") {
  temporary_folder const folder;
  list const options = words({on_test(), {"--method", "ridge", "--out", folder / "results.jsonl"}});
  auto const rows = rows_of(probe(options));
  rows_of(probe(options));
  auto const lines = lines_of(bytes_of(folder / "results.jsonl"));
  REQUIRE(lines.size() == 2 * rows.size());
  for (std::size_t i = 0; i < lines.size(); ++i) CHECK(json::parse(lines[i]) == rows[i % rows.size()]);
}

TEST_CASE("probe: --out on a file of another kind is refused before any work, and the file stays") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  for (std::string const& text :
       {std::string("a letter\nof two lines"), std::string("no line end"), bytes_of(small.test_store())}) {
    std::filesystem::path const file = folder.write("file", text);
    outcome const done = probe(words({on_test(), {"--out", file}}));
    INFO("it said: ", done.err);
    CHECK((done.code == 2 || done.code == 3));
    CHECK(done.out.empty());
    CHECK(contains(done.err, file.string()));
    CHECK(bytes_of(file) == text);
  }
  outcome const done = probe(words({on_test(), {"--out", folder / "absent/results.jsonl"}}));
  CHECK(done.code == 2);
  CHECK(done.out.empty());
}

TEST_CASE("probe: stores that were made differently do not go together: exit code 3, what differs") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  outcome const made = scale_program(words(
      {{"extract", small.test_list(), "--out", folder / "other.store"}, small_views("val", 3), {"--frames", "6"}}));
  REQUIRE(made.code == 0);
  outcome const done = probe({"--test", folder / "other.store"});
  INFO("it said: ", done.err);
  CHECK(done.code == 3);
  CHECK(done.out.empty());
  CHECK(contains(done.err, "frames"));
}

TEST_CASE("probe: unlabelled and damaged stores, damaged models: exit code 3, the file") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  auto const expect_refused = [](outcome const& done, std::filesystem::path const& file) {
    INFO("it said: ", done.err);
    CHECK(done.code == 3);
    CHECK(done.out.empty());
    CHECK(contains(done.err, file.string()));
  };
  SUBCASE("unlabelled") {
    std::filesystem::path const store = folder / "unlabelled.store";
    REQUIRE(scale_program(words({{"extract", small.videos(), "--out", store}, small_views("val", 3)})).code == 0);
    expect_refused(probe({"--test", store}), store);
  }
  SUBCASE("damaged stores") {
    std::string const store = bytes_of(small.test_store());
    for (std::string const& bytes :
         {store.substr(0, store.size() / 2), with_damage(store, static_cast<std::ptrdiff_t>(store.size() / 2))}) {
      std::filesystem::path const file = folder.write("damaged.store", bytes);
      expect_refused(probe({"--test", file}), file);
    }
  }
  SUBCASE("damaged models") {
    std::string const model = bytes_of(small.model());
    for (std::string const& bytes : {std::string("text"), model.substr(0, model.size() - 1), with_damage(model, 9)}) {
      std::filesystem::path const file = folder.write("model.safetensors", bytes);
      expect_refused(probe(words({on_test(), {"--model", file}})), file);
    }
  }
}

}  // namespace
