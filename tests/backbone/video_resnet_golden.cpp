// SPDX-License-Identifier: Apache-2.0
// The residual networks on clips, with filled weights: every stage and the feature of the golden files.
#include "backbone/video_resnet_golden.hpp"

#include <scale/backbone/slow_r50.hpp>
#include <scale/backbone/video_resnet_18.hpp>
#include <scale/cpu.hpp>
#include <scale/ref.hpp>

#include <doctest/doctest.h>

TEST_CASE("slow_r50: golden files on cpu in float") {
  testing::check_video_resnet_golden<scale::slow_r50_network, float>(scale::cpu::context(2),
                                                                     {"8x64x64", "16x96x128", "16x224x224"}, "fp32");
}

TEST_CASE("r3d_18: golden files on cpu in float") {
  testing::check_video_resnet_golden<scale::r3d_18_network, float>(scale::cpu::context(2), {"9x57x75", "16x112x112"},
                                                                   "fp32");
}

TEST_CASE("mc3_18: golden files on cpu in float") {
  testing::check_video_resnet_golden<scale::mc3_18_network, float>(scale::cpu::context(2), {"9x57x75", "16x112x112"},
                                                                   "fp32");
}

TEST_CASE("r2plus1d_18: golden files on cpu in float") {
  testing::check_video_resnet_golden<scale::r2plus1d_18_network, float>(scale::cpu::context(2),
                                                                        {"9x57x75", "16x112x112"}, "fp32");
}

TEST_CASE("residual networks: golden files on cpu in bf16") {
  scale::cpu::context const cpu(2);
  testing::check_video_resnet_golden<scale::slow_r50_network, scale::bf16>(cpu, {"16x96x128"}, "bf16");
  testing::check_video_resnet_golden<scale::r3d_18_network, scale::bf16>(cpu, {"9x57x75"}, "bf16");
  testing::check_video_resnet_golden<scale::mc3_18_network, scale::bf16>(cpu, {"9x57x75"}, "bf16");
  testing::check_video_resnet_golden<scale::r2plus1d_18_network, scale::bf16>(cpu, {"9x57x75"}, "bf16");
}

TEST_CASE("slow_r50: golden file on ref in double") {
  testing::check_video_resnet_golden<scale::slow_r50_network, double>(scale::ref::context(), {"8x64x64"}, "fp64");
}

TEST_CASE("r3d_18: golden file on ref in double") {
  testing::check_video_resnet_golden<scale::r3d_18_network, double>(scale::ref::context(), {"9x57x75"}, "fp64");
}

TEST_CASE("mc3_18: golden file on ref in double") {
  testing::check_video_resnet_golden<scale::mc3_18_network, double>(scale::ref::context(), {"9x57x75"}, "fp64");
}

TEST_CASE("r2plus1d_18: golden file on ref in double") {
  testing::check_video_resnet_golden<scale::r2plus1d_18_network, double>(scale::ref::context(), {"9x57x75"}, "fp64");
}
