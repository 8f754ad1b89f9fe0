// SPDX-License-Identifier: Apache-2.0
// One vector for a video whose frames an application has in its memory; here they come through standard input:
//   ffmpeg -i video.mp4 -vf scale=-2:256 -f rawvideo -pix_fmt rgb24 - | quickstart RUN WIDTH HEIGHT FPS
// RUN is what `scale pretrain` wrote for features of motion_energy. Prints the numbers, one per line.
#include <scale/cpu.hpp>
#include <scale/scale.hpp>
#include <scale/video/pushed_video.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// `next(frame)` gives the next frame of the video, 8-bit RGB, or says that there is none.
template <class Next>
std::vector<float> embed(std::filesystem::path const& run, scale::video::frame_size size, double fps, Next next) {
  using context = scale::cpu::context;
  context const cpu(2);  // threads
  scale::model_file const file(run);
  scale::set_transformer_model<float, context> model(cpu, file.encoder_config(), 0);
  file.load(cpu, model.parameters());

  scale::video::pushed_video video(size, fps);
  for (scale::video::frame_view frame; next(frame);) video.push(frame);

  scale::motion_energy_backbone<float, context> backbone;
  scale::video::view_options const views{.recipe = scale::video::view_recipe::val,
                                         .sampling = sampling_of(backbone.defaults())};
  scale::clip_extractor<float, context> extract(cpu, backbone.feature_width(), views, pixels_of(backbone.defaults()));
  auto const& about = file.description();
  scale::memory_clips<float, context> const clips(cpu, extract(cpu, backbone, std::move(video).plan(views)),
                                                  about.input, about.input_scale);
  scale::trained_encoder<float, context> const encoder{&model, about.input};
  return scale::represent(cpu, clips.source(), &encoder).cls.values;
}

int main(int argc, char** argv) try {
  if (argc != 5) {
    std::cerr << "usage: quickstart RUN WIDTH HEIGHT FPS < frames of 8-bit RGB\n";
    return 2;
  }
  scale::video::frame_size const size{std::stoi(argv[3]), std::stoi(argv[2])};
  std::vector<char> pixels(3 * static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width));
  auto const next = [&](scale::video::frame_view& frame) {
    std::cin.read(pixels.data(), static_cast<std::streamsize>(pixels.size()));
    if (std::cin.gcount() == 0) return false;
    if (!std::cin) throw std::runtime_error("the last frame is cut short");
    frame = {reinterpret_cast<std::uint8_t const*>(pixels.data()), std::ptrdiff_t{3} * size.width, size};
    return true;
  };
  for (float const number : embed(argv[1], size, std::stod(argv[4]), next)) std::cout << number << '\n';
  return 0;
} catch (std::exception const& e) {
  std::cerr << "quickstart: " << e.what() << '\n';
  return 1;
}
