// SPDX-License-Identifier: Apache-2.0
// Encoded images to RGB pixels, and their centre crop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "data/png.h"

namespace dydit::data {

/// Space for an image. Throws InputError naming the sample when there are more than 64 Mi pixels, or more
/// than `most`: what a file of its size can hold.
Image blank_image(std::uint64_t width, std::uint64_t height, std::uint64_t most, const std::string& name);

/// Decodes a JPEG, PNG or WebP, recognised by its first bytes. Greyscale, palette, CMYK and 16-bit images
/// become RGB, alpha is dropped and the first frame of an animation is taken, as PIL's convert("RGB") does.
/// Throws InputError naming the sample when anything about it is broken, truncated data included. (Bytes
/// between the data and the end mark of a JPEG are passed over: some cameras and tools pad there.)
Image decode_image(std::span<const std::byte> bytes, const std::string& name);
Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name);
Image decode_webp(std::span<const std::byte> bytes, const std::string& name);

/// The central size x size pixels as ADM and DiT cut them: halved with a box filter while the shorter
/// side is at least twice `size`, then bicubic so that the shorter side is `size`, then cropped.
/// An image of that size already is returned as it is.
Image centre_crop(Image image, int size);

}  // namespace dydit::data
