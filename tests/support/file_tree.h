// A whole filesystem as text, a line for each path: states compare with ==, and differences can be read.
//
// A line holds everything a program could ask for: type, number, links, mode, owners, size, times, extended attributes,
// target, and a digest of the contents. Sizes of directories are left out, they mean nothing to anybody.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "support/model_filesystem.h"

namespace ciaos::test {

using FileTree = std::map<std::string, std::string>;  // by path; the root is ""

FileTree tree_of(const ModelFilesystem& model);
// Walks and reads everything. EUCLEAN with a sentence where the engine contradicts itself: a listing and a lookup
// that differ, a link count that the names do not add up to, a position that does not grow.
Result<FileTree> tree_of(engine::Engine& engine);

// What is different, at most `lines` of it; empty when nothing is.
std::string difference(const FileTree& expected, const FileTree& actual, std::size_t lines = 8);

// The part of a line that attributes give.
std::string describe(const engine::Attributes& attributes);

// The whole file, read in pieces that fit no block.
Result<std::string> read_whole(engine::Engine& engine, InodeId inode);

}  // namespace ciaos::test
