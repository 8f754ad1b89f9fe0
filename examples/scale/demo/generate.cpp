// SPDX-License-Identifier: Apache-2.0
#include "scale/demo/generate.hpp"

#include <scale/io/atomic_file.hpp>
#include <scale/video/writer.hpp>

#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <numbers>
#include <span>
#include <thread>

namespace scale::program {

namespace {

/// Draws of one video, in order.
class draws {
 public:
  draws(std::uint64_t seed, std::uint32_t video) : key_(make_key(seed, video, purpose::demo)) {}
  double unit() { return random_unit(key_, next_++); }
  double between(double low, double high) { return low + (high - low) * unit(); }

 private:
  random_key key_;
  std::uint64_t next_ = 0;
};

/// A random texture that repeats every `side` pixels: plane waves with the wave vectors and the luma of every other
/// texture of its kind, so that the energy of a motion tells the motion; phases and colours of its own.
class texture {
 public:
  texture(draws& d, int side, std::span<int const[2]> vectors, double contrast) {
    for (double& c : base_) c = d.between(80, 175);
    for (int const* const v : vectors) {
      wave w{v[0] * 2 * std::numbers::pi / side,
             v[1] * 2 * std::numbers::pi / side,
             d.between(0, 2 * std::numbers::pi),
             {d.between(0.5, 1.5), d.between(0.5, 1.5), d.between(0.5, 1.5)}};
      double const luma = 0.299 * w.amplitude[0] + 0.587 * w.amplitude[1] + 0.114 * w.amplitude[2];
      for (double& a : w.amplitude) a *= contrast / luma / std::sqrt(static_cast<double>(vectors.size()));
      waves_.push_back(w);
    }
  }

  void colour(double x, double y, double* rgb) const {
    for (int c = 0; c < 3; ++c) rgb[c] = base_[c];
    for (wave const& w : waves_) {
      double const s = std::sin(w.x * x + w.y * y + w.phase);
      for (int c = 0; c < 3; ++c) rgb[c] += w.amplitude[c] * s;
    }
  }

 private:
  struct wave {
    double x, y, phase, amplitude[3];
  };
  double base_[3];
  std::vector<wave> waves_;
};

/// Wave vectors in periods per frame: coarse ones for the ground, two rings for the shape's skin.
constexpr int ground_waves[][2] = {{3, 0}, {2, 2}, {0, 3}, {-2, 2}};
constexpr int skin_waves[][2] = {{5, 0},  {4, 3}, {3, 4}, {0, 5},  {-3, 4}, {-4, 3},
                                 {10, 0}, {8, 6}, {6, 8}, {0, 10}, {-6, 8}, {-8, 6}};

std::uint8_t to_byte(double v) { return static_cast<std::uint8_t>(v < 0 ? 0 : v > 255 ? 255 : v + 0.5); }

/// Motions of each class, as directions: up, down, across.
constexpr int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
constexpr double directions[3][2] = {{0, -1}, {0, 1}, {1, 0}};  // x, y

}  // namespace

int demo_class(std::uint64_t seed, std::uint32_t index) {
  return static_cast<int>(random_below(make_key(seed, index, purpose::split), 0, 6));
}

std::vector<std::vector<std::uint8_t>> render_demo_video(demo_videos const& v, std::uint64_t seed,
                                                         std::uint32_t index) {
  draws d(seed, index);
  int const side = v.side;
  texture const ground(d, side, ground_waves, 18), skin(d, side, skin_waves, 45);
  double const radius = d.between(0.26, 0.3) * side, corners = std::floor(d.between(2, 6));
  double const bumps = d.between(0, 0.25), turn = d.between(0, 2 * std::numbers::pi);
  double const speed = 2.0 * side / 80;
  double x = d.between(0, side), y = d.between(0, side);  // the shape's centre; the frame repeats like a torus
  std::size_t const bytes = static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 3;
  std::vector<std::uint8_t> still(bytes);
  for (int row = 0; row < side; ++row)
    for (int column = 0; column < side; ++column) {
      double rgb[3];
      ground.colour(column, row, rgb);
      for (int c = 0; c < 3; ++c) still[static_cast<std::size_t>((row * side + column) * 3 + c)] = to_byte(rgb[c]);
    }
  auto const draw = [&] {
    std::vector<std::uint8_t> frame = still;
    int const reach = static_cast<int>(radius * (1 + bumps)) + 2;
    for (int dy = -reach; dy <= reach; ++dy)
      for (int dx = -reach; dx <= reach; ++dx) {
        double const px = std::floor(x) + dx, py = std::floor(y) + dy, rx = px - x, ry = py - y;
        double const edge = radius * (1 + bumps * std::sin(corners * std::atan2(ry, rx) + turn));
        double const cover = std::min(1.0, std::max(0.0, edge - std::hypot(rx, ry) + 0.5));
        if (cover <= 0) continue;
        double rgb[3];
        skin.colour(rx, ry, rgb);
        int const column = (static_cast<int>(px) % side + side) % side,
                  row = (static_cast<int>(py) % side + side) % side;
        std::uint8_t* const out = frame.data() + (row * side + column) * 3;
        for (int c = 0; c < 3; ++c) out[c] = to_byte(cover * rgb[c] + (1 - cover) * out[c]);
      }
    return frame;
  };
  std::vector<std::vector<std::uint8_t>> frames;
  auto const rest = [&] { frames.insert(frames.end(), static_cast<std::size_t>(v.pause_frames), draw()); };
  rest();
  for (int const motion : orders[demo_class(seed, index)]) {
    for (int t = 0; t < v.motion_frames; ++t) {
      x = std::fmod(x + speed * directions[motion][0] + side, side);
      y = std::fmod(y + speed * directions[motion][1] + side, side);
      frames.push_back(draw());
    }
    rest();
  }
  return frames;
}

void generate_demo_videos(demo_videos const& v, std::uint64_t seed, std::filesystem::path const& folder, int threads,
                          std::function<bool(int)> const& progress) {
  std::filesystem::create_directories(folder / "train");
  std::filesystem::create_directories(folder / "test");
  int const total = v.train + v.test;
  auto const name_of = [&](int i) {
    std::string digits = std::to_string(i);
    digits.insert(0, 5 - std::min<std::size_t>(5, digits.size()), '0');
    return std::string(i < v.train ? "train/" : "test/") + digits + ".mp4";
  };
  std::atomic<int> next{0}, done{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex guard;
  {
    std::vector<std::jthread> workers;
    for (int w = 0; w < threads; ++w)
      workers.emplace_back([&] {
        try {
          for (int i = next++; i < total && !stop; i = next++) {
            auto const frames = render_demo_video(v, seed, static_cast<std::uint32_t>(i));
            video::video_writer writer(folder / name_of(i), {v.side, v.side}, {});
            for (auto const& frame : frames) writer.write({frame.data(), 3 * v.side, {v.side, v.side}});
            writer.finish();
            if (!progress(++done)) stop = true;
          }
        } catch (...) {
          std::scoped_lock const lock(guard);
          failure = std::current_exception();
          stop = true;
        }
      });
  }
  if (failure) std::rethrow_exception(failure);
  if (stop) throw cancelled_error("demo: stopped while videos were generated");
  for (bool const train : {true, false}) {
    atomic_file list(folder / (train ? "train.csv" : "test.csv"));
    list.write(std::string("path,label\n"));
    for (int i = train ? 0 : v.train; i < (train ? v.train : total); ++i)
      list.write(name_of(i) + "," + std::to_string(demo_class(seed, static_cast<std::uint32_t>(i))) + "\n");
    list.commit();
  }
}

}  // namespace scale::program
