// SPDX-License-Identifier: Apache-2.0
#include <scale/core/host_buffer.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

using scale::host_buffer;

static_assert(!std::is_copy_constructible_v<host_buffer> && std::is_nothrow_move_constructible_v<host_buffer>);

TEST_CASE("every size is aligned to 64 bytes, large ones to 2 MiB, and all of it may be written") {
  for (std::size_t size : {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{65}, std::size_t{4097},
                           (std::size_t{2} << 20) - 1, std::size_t{2} << 20, (std::size_t{2} << 20) + 1}) {
    CAPTURE(size);
    host_buffer const buffer(size);
    auto const address = reinterpret_cast<std::uintptr_t>(buffer.data());
    CHECK(buffer.size() == size);
    CHECK(address % 64 == 0);
    if (size >= (std::size_t{2} << 20)) CHECK(address % (std::size_t{2} << 20) == 0);
    std::memset(buffer.data(), 0x5a, size);
  }
}

TEST_CASE("nothing is allocated for size zero") {
  host_buffer const none, zero(0);
  CHECK(none.data() == nullptr);
  CHECK(zero.data() == nullptr);
  CHECK(zero.size() == 0);
}

TEST_CASE("moving hands the memory over; assigning frees what was there") {
  host_buffer a(100), b(200);
  void* const data = a.data();
  b = std::move(a);
  CHECK(b.data() == data);
  CHECK(b.size() == 100);
  host_buffer const c(std::move(b));
  CHECK(c.data() == data);
  CHECK(b.data() == nullptr);
  CHECK(b.size() == 0);
}
