// SPDX-License-Identifier: Apache-2.0
// Saves that end anywhere: the process is killed, a call fails, the machine stops. What was acknowledged, or what was
// there before, loads.
#include <scale/core/error.hpp>

#include "io/temporary_folder.hpp"
#include "reliability/campaign.hpp"
#include "reliability/saves.hpp"
#include "reliability/system_calls.hpp"
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using testing::fault;
using testing::save_case;
using testing::temporary_folder;

/// Generations 1 and 2 are there; the test is about saving 3.
void prepare(save_case const& c, std::filesystem::path const& folder) {
  c.save(folder, 1);
  c.save(folder, 2);
}

/// Runs `action` in a child; how it ended, as wait() tells.
template <class Action>
int in_child(Action const& action) {
  ::pid_t const child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    action();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

int calls_of_save(save_case const& c) {
  temporary_folder const folder;
  prepare(c, folder.path());
  testing::watched_calls const watched;
  c.save(folder.path(), 3);
  return watched.count();
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] auto const& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

/// Saves with call `n` failing. Whatever happens, 2 or 3 loads; 3 if the save said nothing.
void save_with_failure(save_case const& c, testing::fault_plan plan) {
  INFO("save: ", std::string(c.name));
  CAPTURE(plan.call);
  CAPTURE(plan.error);
  temporary_folder const folder;
  prepare(c, folder.path());
  std::size_t const open_before = open_descriptors();
  bool acknowledged = false;
  std::string failed;
  {
    testing::watched_calls const watched(plan);
    try {
      c.save(folder.path(), 3);
      acknowledged = true;
    } catch (scale::error const&) {
    }
    failed = watched.failed_function();
  }
  CAPTURE(failed);
  CHECK(open_descriptors() == open_before);
  if (failed != "unlink") CHECK(testing::rubbish_in(folder.path()).empty());
  int const found = c.load(folder.path());
  CHECK(found >= (acknowledged ? 3 : 2));
  CHECK(found <= 3);
  c.save(folder.path(), 4);
  CHECK(c.load(folder.path()) == 4);
  CHECK(testing::rubbish_in(folder.path()).empty());
}

// ---- the machine stops ----

/// Files and names as they are on disk for certain, and what is on the way there.
class disk {
 public:
  /// What lies in a folder, all of it on disk.
  explicit disk(std::filesystem::path const& folder) : folder_(folder) {
    for (auto const& found : std::filesystem::recursive_directory_iterator(folder))
      if (found.is_regular_file()) {
        std::ifstream in(found.path(), std::ios::binary);
        names_[found.path().string()] = static_cast<int>(files_.size());
        files_.push_back({std::string(std::istreambuf_iterator<char>(in), {}), {}});
      }
    now_ = names_;
  }

  void apply(testing::recorded_call const& c) {
    using kind = testing::recorded_call::kind;
    switch (c.what) {
      case kind::open: open(c); break;
      case kind::write:
      case kind::truncate: pending(c); break;
      case kind::synchronise: synchronise(c.descriptor); break;
      case kind::close: open_.erase(c.descriptor); break;
      case kind::rename: change({c.path, -1}, {c.to, now_.at(c.path)}); break;
      case kind::unlink:
        if (now_.contains(c.path)) change({c.path, -1}, {c.path, -1});
        break;
      case kind::mark: break;
    }
  }

  /// Writes into `target` what a machine that stops now may leave: of the names changed since the folder was
  /// synchronised a beginning, or any; of the bytes written since a file was synchronised any, torn anywhere.
  void stop(std::filesystem::path const& target, std::mt19937& random) const {
    std::map<std::string, int> names = names_;
    bool const in_order = random() % 2 == 0;
    std::size_t const kept = changes_.empty() ? 0 : random() % (changes_.size() + 1);
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      if (in_order ? i >= kept : random() % 2 == 0) continue;
      for (auto const& [name, number] : {changes_[i].first, changes_[i].second}) {
        if (number < 0)
          names.erase(name);
        else
          names[name] = number;
      }
    }
    for (auto const& [name, number] : names) {
      std::filesystem::path const to = target / std::filesystem::relative(name, folder_);
      std::filesystem::create_directories(to.parent_path());
      std::ofstream(to, std::ios::binary) << content(files_[static_cast<std::size_t>(number)], random);
    }
  }

 private:
  struct file {
    std::string durable;
    std::vector<testing::recorded_call> pending;
  };

  static void write(std::string& to, std::uint64_t offset, std::string_view data) {
    if (to.size() < offset + data.size()) to.resize(offset + data.size(), '\0');
    to.replace(offset, data.size(), data);
  }

  static std::string content(file const& f, std::mt19937& random) {
    std::string out = f.durable;
    std::vector<testing::recorded_call> calls = f.pending;
    unsigned const way = static_cast<unsigned>(random() % 3);
    if (way == 0) return out;                                        // nothing arrived
    if (way == 1) std::shuffle(calls.begin(), calls.end(), random);  // in another order
    for (auto const& c : calls) {
      if (random() % 4 == 0) continue;
      if (c.what == testing::recorded_call::kind::truncate) {
        out.resize(c.offset, '\0');
        continue;
      }
      std::size_t const size = random() % 3 == 0 ? random() % (c.data.size() + 1) : c.data.size();
      write(out, c.offset, std::string_view(c.data).substr(0, size));
      if (random() % 3 == 0 && out.size() < c.offset + c.data.size()) out.resize(c.offset + c.data.size(), '\0');
    }
    return out;
  }

  void open(testing::recorded_call const& c) {
    if (std::filesystem::is_directory(c.path)) {
      open_[c.descriptor] = -1;
      return;
    }
    if (!now_.contains(c.path)) {
      files_.push_back({});
      change({c.path, static_cast<int>(files_.size()) - 1}, {c.path, static_cast<int>(files_.size()) - 1});
    }
    open_[c.descriptor] = now_.at(c.path);
  }

  void pending(testing::recorded_call const& c) {
    files_[static_cast<std::size_t>(open_.at(c.descriptor))].pending.push_back(c);
  }

  void synchronise(int descriptor) {
    if (open_.at(descriptor) < 0) {
      names_ = now_;
      changes_.clear();
      return;
    }
    file& f = files_[static_cast<std::size_t>(open_.at(descriptor))];
    for (auto const& c : f.pending) {
      if (c.what == testing::recorded_call::kind::truncate)
        f.durable.resize(c.offset, '\0');
      else
        write(f.durable, c.offset, c.data);
    }
    f.pending.clear();
  }

  using entry = std::pair<std::string, int>;  // -1: the name goes

  void change(entry first, entry second) {
    for (auto const& [name, number] : {first, second}) {
      if (number < 0)
        now_.erase(name);
      else
        now_[name] = number;
    }
    changes_.emplace_back(std::move(first), std::move(second));
  }

  std::filesystem::path folder_;
  std::map<std::string, int> names_, now_;
  std::vector<std::pair<entry, entry>> changes_;  // of names, since the folder was synchronised
  std::vector<file> files_;
  std::map<int, int> open_;  // by descriptor; -1: a folder
};

}  // namespace

TEST_CASE("crashes: killed before and after every call of a save, 2 or 3 loads, and the next save leaves no rubbish") {
  for (save_case const& c : testing::save_cases()) {
    INFO("save: ", std::string(c.name));
    int const calls = calls_of_save(c);
    CHECK(calls >= 5);
    for (int n = 1; n <= calls; ++n)
      for (fault const what : {fault::kill_before, fault::kill_after}) {
        CAPTURE(n);
        temporary_folder const folder;
        prepare(c, folder.path());
        int const status = in_child([&] {
          testing::watched_calls const watched({what, n, 0});
          c.save(folder.path(), 3);
        });
        REQUIRE(WIFSIGNALED(status));
        int const found = c.load(folder.path());
        CHECK((found == 2 || found == 3));
        c.save(folder.path(), 3);
        CHECK(c.load(folder.path()) == 3);
        CHECK(testing::rubbish_in(folder.path()).empty());
      }
  }
}

TEST_CASE("crashes: killed at random") {
  std::mt19937 random(5);
  int const kills = testing::campaign_size("SCALE_CRASH_KILLS", 40);
  int lost = 0;
  for (int i = 0; i < kills; ++i) {
    save_case const& c = testing::save_cases()[static_cast<std::size_t>(i) % testing::save_cases().size()];
    temporary_folder const folder;
    prepare(c, folder.path());
    int pipe[2];
    REQUIRE(::pipe(pipe) == 0);
    ::pid_t const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      for (int generation = 3;; ++generation) {
        c.save(folder.path(), generation);
        if (::write(pipe[1], &generation, sizeof(generation)) != sizeof(generation)) ::_exit(1);
      }
    }
    ::close(pipe[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20000));
    ::kill(child, SIGKILL);
    int status = 0, acknowledged = 2, next = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    while (::read(pipe[0], &next, sizeof(next)) == sizeof(next)) acknowledged = next;
    ::close(pipe[0]);
    INFO("save: ", std::string(c.name));
    REQUIRE(WIFSIGNALED(status));
    int const found = c.load(folder.path());
    if (found != acknowledged && found != acknowledged + 1) ++lost;
    c.save(folder.path(), acknowledged + 2);
    CHECK(testing::rubbish_in(folder.path()).empty());
  }
  CHECK(lost == 0);
}

TEST_CASE("crashes: every call of a save fails, once and for good: an error or a whole save, no rubbish, no leak") {
  bool const all = testing::campaign_size("SCALE_CRASH_ALL_ERRORS", 0) != 0;  // else of each call one in turn
  for (save_case const& c : testing::save_cases()) {
    int const calls = calls_of_save(c);
    for (int n = 1; n <= calls; ++n) {
      constexpr int errors[] = {ENOSPC, EIO, EDQUOT, EACCES, EINTR};
      for (int i = 0; i < 5; ++i) {
        if (!all && i != n % 5) continue;
        save_with_failure(c, {fault::fail_once, n, errors[i]});
        save_with_failure(c,
                          {fault::fail_from_here, n, errors[i % 4]});  // not EINTR: whoever repeats, repeats for ever
      }
      save_with_failure(c, {fault::shorten, n, 0});
    }
  }
}

TEST_CASE("crashes: an interrupted or shortened call is no failure") {
  for (save_case const& c : testing::save_cases()) {
    int const calls = calls_of_save(c);
    for (int n = 1; n <= calls; ++n)
      for (testing::fault_plan const plan :
           {testing::fault_plan{fault::fail_once, n, EINTR}, testing::fault_plan{fault::shorten, n, 0}}) {
        INFO("save: ", std::string(c.name));
        CAPTURE(n);
        temporary_folder const folder;
        prepare(c, folder.path());
        std::string function, failed;
        {
          testing::watched_calls const watched(plan);
          try {
            c.save(folder.path(), 3);
          } catch (scale::error const& e) {
            failed = e.what();
          }
          function = watched.failed_function();
        }
        if (std::string("fstat rename unlink remove mmap").find(function) != std::string::npos) continue;  // no EINTR
        CAPTURE(function);
        CHECK(failed == "");
        CHECK(c.load(folder.path()) == 3);
      }
  }
}

TEST_CASE("crashes: every call of a reader fails: an error, or the value") {
  for (save_case const& c : testing::save_cases()) {
    temporary_folder const folder;
    prepare(c, folder.path());
    int calls = 0;
    {
      testing::watched_calls const watched;
      c.load(folder.path());
      calls = watched.count();
    }
    CHECK(calls >= 3);
    for (int n = 1; n <= calls; ++n)
      for (int const error : {EIO, EACCES, EMFILE, ENOMEM}) {
        INFO("save: ", std::string(c.name));
        CAPTURE(n);
        std::size_t const open_before = open_descriptors();
        int found = 2;
        {
          testing::watched_calls const watched({fault::fail_once, n, error});
          try {
            found = c.load(folder.path());
          } catch (scale::error const&) {
          }
        }
        CHECK(found == 2);
        CHECK(open_descriptors() == open_before);
        CHECK(c.load(folder.path()) == 2);
      }
  }
}

TEST_CASE("crashes: every allocation of a save and of a reader fails: nothing is lost, no rubbish, an error") {
  int ended = 0, runs = 0;
  for (save_case const& c : testing::save_cases()) {
    INFO("save: ", std::string(c.name));
    int saving = 0, loading = 0;
    {
      temporary_folder const folder;
      prepare(c, folder.path());
      testing::failing_memory memory(0);
      c.save(folder.path(), 3);
      saving = memory.count();
      c.load(folder.path());
      loading = memory.count() - saving;
    }
    int const step = testing::campaign_size("SCALE_CRASH_ALLOCATIONS", 23);  // 1: each
    auto const with_failing_memory = [&](int n, auto const& action) {
      int const status = in_child([&] {
        testing::failing_memory const memory(n);
        try {
          action();
        } catch (std::bad_alloc const&) {
          ::_exit(2);
        } catch (scale::error const&) {
          ::_exit(2);
        }
      });
      ++runs;
      // nlohmann's values allocate when they are destroyed; where that fails the language ends the process
      bool const terminated = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
      ended += terminated ? 1 : 0;
      CHECK((terminated || WIFEXITED(status)));
      return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    };
    std::optional<temporary_folder> folder;
    for (int n = 1; n <= saving; n += step) {
      CAPTURE(n);
      if (!folder) {
        folder.emplace();
        prepare(c, folder->path());
      }
      bool const acknowledged = with_failing_memory(n, [&] { c.save(folder->path(), 3); });
      int const found = c.load(folder->path());
      CHECK(found >= (acknowledged ? 3 : 2));
      if (found == 2) c.save(folder->path(), 2);
      CHECK(testing::rubbish_in(folder->path()).empty());
      if (found != 2) folder.reset();
    }
    folder.emplace();
    prepare(c, folder->path());
    for (int n = 1; n <= loading; n += step) with_failing_memory(n, [&] { static_cast<void>(c.load(folder->path())); });
    CHECK(c.load(folder->path()) == 2);
  }
  MESSAGE(ended, " of ", runs, " ended in the destructor of a JSON value");
  CHECK(ended * 10 < runs);
}

TEST_CASE("crashes: a machine that stops anywhere in a save, unsynchronised writes torn, lost and in any order") {
  std::mt19937 random(8);
  int const states = testing::campaign_size("SCALE_CRASH_STATES", 4);  // of each prefix of the calls
  for (save_case const& c : testing::save_cases()) {
    INFO("save: ", std::string(c.name));
    temporary_folder const folder;
    prepare(c, folder.path());
    disk d(folder.path());
    std::vector<testing::recorded_call> log;
    {
      testing::watched_calls watched;
      for (int generation = 3; generation <= 4; ++generation) {
        c.save(folder.path(), generation);
        watched.mark();
      }
      log = watched.log();
    }
    bool const durable = std::string(c.name) != "journal";  // which is brought to disk every second or so
    int acknowledged = 2;
    for (std::size_t prefix = 0; prefix <= log.size(); ++prefix) {
      CAPTURE(prefix);
      for (int state = 0; state < states; ++state) {
        temporary_folder const after;
        d.stop(after.path(), random);
        int const found = c.load(after.path());
        CHECK(found >= (durable ? acknowledged : 2));
        CHECK(found <= (std::min)(acknowledged + 1, 4) + (durable ? 0 : 2));
        c.save(after.path(), 5);
        CHECK(c.load(after.path()) == 5);
      }
      if (prefix == log.size()) break;
      if (log[prefix].what == testing::recorded_call::kind::mark) ++acknowledged;
      d.apply(log[prefix]);
    }
  }
}
