// SPDX-License-Identifier: Apache-2.0
// Catch2 under one name: the single header of 2.x (Debian 12) or the library of 3.x.
#pragma once

#ifdef DYDIT_CATCH3
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
