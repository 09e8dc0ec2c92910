// Keys and files are one thing (O1 to O5): what a PUT leaves on the tree, and what the tree makes of objects.
#include "engine/objects.h"

#include <sys/stat.h>

#include <thread>

#include "engine/object_rows.h"
#include "support/engine_fixture.h"
#include "support/object_shell.h"

namespace ciaos::test {
namespace {

using namespace engine;
using testing::ElementsAre;

class ObjectVerbs : public EngineTest {
 protected:
  explicit ObjectVerbs(const StoreShape& shape = {.volume_bytes = 4u << 20}) : EngineTest(shape) {}
  void SetUp() override {
    EngineTest::SetUp();
    ASSERT_EQ(objects().create_bucket("b", {}, {}).code(), 0);
  }
  Objects& objects() { return store->objects(); }
  ObjectShell keys() { return ObjectShell(store.engine()); }
};

TEST_F(ObjectVerbs, AnObjectIsAFileAndAFileIsAnObject) {
  ASSERT_EQ(keys().put("b/one/two/three", pattern(100'000)), 0);
  EXPECT_EQ(shell().cat("/b/one/two/three"), pattern(100'000));
  EXPECT_EQ(shell().stat("/b/one/two/three")->links, 1u);
  EXPECT_EQ(shell().stat("/b")->links, 3u);
  ASSERT_EQ(shell().put("/b/mine", "from the mount"), 0);
  EXPECT_EQ(keys().get("b/mine"), "from the mount");
  store.reopen();
  EXPECT_EQ(keys().get("b/one/two/three"), pattern(100'000));
  EXPECT_EQ(keys().get("b/mine"), "from the mount");
}

TEST_F(ObjectVerbs, APutIsDurableWhenItReturns) {
  ASSERT_EQ(keys().put("b/deep/er/key", "bytes", {.etag = "tag", .facts = {}, .labels = {{"k", "v"}}}), 0);
  kill_and_open();
  EXPECT_EQ(keys().get("b/deep/er/key"), "bytes");
  EXPECT_EQ(keys().head("b/deep/er/key")->notes.etag, "tag");
  EXPECT_EQ(keys().head("b/deep/er/key")->notes.labels, (Labels{{"k", "v"}}));
  ASSERT_EQ(keys().append("b/deep/er/key", {"more"}), 0);
  kill_and_open();
  EXPECT_EQ(keys().get("b/deep/er/key"), "bytesmore");
  ASSERT_EQ(keys().mv("b/deep/er/key", "b/new/key"), 0);
  kill_and_open();
  EXPECT_FALSE(keys().head("b/deep/er/key").ok());
  ASSERT_EQ(keys().rm("b/new/key"), 0);
  kill_and_open();
  EXPECT_EQ(keys().head("b/new/key").code(), ENOENT);
}

TEST_F(ObjectVerbs, WhoHadTheOldObjectOpenGoesOnReadingIt) {
  ASSERT_EQ(keys().put("b/k", "old bytes"), 0);
  const auto opened = objects().open({"b", "k"});
  ASSERT_TRUE(opened.ok());
  ASSERT_EQ(keys().put("b/k", "new"), 0);
  std::array<std::byte, 9> bytes{};
  EXPECT_EQ(store->read(opened->inode, 0, bytes).value(), 9u);
  EXPECT_EQ(as_text(bytes), "old bytes");
  EXPECT_EQ(keys().get("b/k"), "new");
  store->release(opened->inode);
  EXPECT_FALSE(store->getattr(opened->inode).ok());
}

TEST_F(ObjectVerbs, WhatWasStagedAndNotPublishedIsGone) {
  const std::uint64_t before = store->statfs().inodes;
  const auto staged = keys().staged(pattern(3'000'000));
  ASSERT_TRUE(staged.ok());
  objects().discard(*staged);
  EXPECT_EQ(store->statfs().inodes, before);
  ASSERT_TRUE(keys().staged("bytes").ok());
  ASSERT_EQ(store->commit().code(), 0);
  kill_and_open();
  EXPECT_EQ(store->statfs().inodes, before);
}

TEST_F(ObjectVerbs, DirectoriesOnTheWayGoWithTheLastThingInThem) {
  ASSERT_EQ(keys().put("b/x/y/one", "1"), 0);
  ASSERT_EQ(keys().put("b/x/two", "2"), 0);
  ASSERT_EQ(keys().rm("b/x/y/one"), 0);
  EXPECT_FALSE(shell().exists("/b/x/y"));
  EXPECT_TRUE(shell().exists("/b/x/two"));
  ASSERT_EQ(keys().rm("b/x/two"), 0);
  EXPECT_FALSE(shell().exists("/b/x"));
  EXPECT_TRUE(shell().exists("/b"));
  EXPECT_EQ(shell().stat("/b")->links, 2u);
}

TEST_F(ObjectVerbs, DirectoriesThatSomebodyCaresForStay) {
  ASSERT_EQ(shell().mkdir("/b/made"), 0);
  ASSERT_EQ(keys().put("b/made/k", ""), 0);
  ASSERT_EQ(keys().put("b/touched/k", ""), 0);
  ASSERT_EQ(shell().chmod("/b/touched", 0700), 0);
  ASSERT_EQ(keys().rm("b/made/k"), 0);
  ASSERT_EQ(keys().rm("b/touched/k"), 0);
  EXPECT_TRUE(shell().exists("/b/made"));
  EXPECT_TRUE(shell().exists("/b/touched"));
  EXPECT_THAT(keys().ls({.bucket = "b"}), ElementsAre("made/", "touched/"));
  EXPECT_EQ(shell().stat("/b/touched")->flags, 0u);
}

TEST_F(ObjectVerbs, TheMarkOfADirectoryIsNoFlagThatAnybodySees) {
  ASSERT_EQ(keys().put("b/x/k", ""), 0);
  EXPECT_EQ(shell().stat("/b/x")->flags, 0u);
  store.reopen();
  ASSERT_EQ(keys().rm("b/x/k"), 0);
  EXPECT_FALSE(shell().exists("/b/x"));
}

TEST_F(ObjectVerbs, AKeyThatEndsInASlashIsTheDirectory) {
  ASSERT_EQ(keys().put("b/d/k", ""), 0);
  EXPECT_EQ(keys().head("b/d/").code(), ENOENT);
  ASSERT_EQ(objects().put_directory({"b", "d/"}, {}, {.etag = "e", .facts = {}, .labels = {}}).code(), 0);
  EXPECT_EQ(keys().head("b/d/")->notes.etag, "e");
  EXPECT_THAT(keys().ls({.bucket = "b"}), ElementsAre("d/", "d/k"));
  ASSERT_EQ(keys().rm("b/d/"), 0);
  EXPECT_THAT(keys().ls({.bucket = "b"}), ElementsAre("d/k"));
  ASSERT_EQ(keys().rm("b/d/k"), 0);
  EXPECT_FALSE(shell().exists("/b/d"));
}

TEST_F(ObjectVerbs, KeysThatNoPathCanSpellAreRefused) {
  EXPECT_EQ(keys().put("b//x", ""), EINVAL);
  EXPECT_EQ(keys().put("b/x//y", ""), EINVAL);
  EXPECT_EQ(keys().put("b/./x", ""), EINVAL);
  EXPECT_EQ(keys().put("b/x/../y", ""), EINVAL);
  EXPECT_EQ(keys().put(std::string_view("b/x\0y", 5), ""), EINVAL);
  EXPECT_EQ(keys().put("b/" + std::string(256, 'x'), ""), ENAMETOOLONG);
  std::string longest;
  for (int i = 0; i < 512; ++i) longest += "x/";
  EXPECT_EQ(keys().put("b/" + longest + "y", ""), ENAMETOOLONG);
  EXPECT_EQ(keys().put("b/" + longest.substr(1) + "y", ""), EINVAL);
  EXPECT_EQ(keys().put("b/" + longest.substr(2) + "yy", "fits"), 0);
  EXPECT_EQ(keys().get("b/" + longest.substr(2) + "yy"), "fits");
  EXPECT_EQ(keys().put(".ciaos/x", ""), EINVAL);
  EXPECT_EQ(keys().put("nobody/x", ""), ENXIO);
}

TEST_F(ObjectVerbs, WhatIsBelowAnObjectOrIsADirectoryIsNoKey) {
  ASSERT_EQ(keys().put("b/k", "object"), 0);
  EXPECT_EQ(keys().put("b/k/below", ""), ENOTDIR);
  EXPECT_EQ(keys().head("b/k/below").code(), ENOENT);
  ASSERT_EQ(keys().put("b/d/k", ""), 0);
  EXPECT_EQ(keys().put("b/d", ""), EISDIR);
  EXPECT_EQ(keys().head("b/d").code(), ENOENT);
  EXPECT_EQ(keys().rm("b/d"), ENOENT);
}

TEST_F(ObjectVerbs, SymlinksAreNotFollowedAndNoObjects) {
  ASSERT_EQ(keys().put("b/real/k", "secret"), 0);
  ASSERT_EQ(shell().symlink("real", "/b/way"), 0);
  ASSERT_EQ(shell().symlink("real/k", "/b/link"), 0);
  EXPECT_EQ(keys().head("b/way/k").code(), ENOENT);
  EXPECT_EQ(keys().head("b/link").code(), ENOENT);
  EXPECT_EQ(keys().put("b/way/k", ""), ENOTDIR);
  EXPECT_EQ(keys().put("b/link", ""), EEXIST);
  EXPECT_EQ(keys().rm("b/link"), ENOENT);
  EXPECT_THAT(keys().ls({.bucket = "b"}), ElementsAre("real/k"));
}

TEST_F(ObjectVerbs, ConditionsAreThoseOfTheMomentOfTheChange) {
  EXPECT_EQ(keys().put("b/k", "", {}, {.absent = false, .if_match = {"e"}, .if_none_match = {}}), ENOENT);
  ASSERT_EQ(keys().put("b/k", "1", {.etag = "one", .facts = {}, .labels = {}}, {.absent = true}), 0);
  EXPECT_EQ(keys().put("b/k", "2", {}, {.absent = true}), EEXIST);
  EXPECT_EQ(keys().put("b/k", "2", {}, {.absent = false, .if_match = {"two"}, .if_none_match = {}}),
            ECANCELED);
  EXPECT_EQ(keys().put("b/k", "2", {}, {.absent = false, .if_match = {}, .if_none_match = {"*"}}), ECANCELED);
  EXPECT_EQ(keys().rm("b/k", {.absent = false, .if_match = {"two"}, .if_none_match = {}}), ECANCELED);
  EXPECT_EQ(keys().get("b/k"), "1");
  EXPECT_EQ(keys().put("b/new/k", "", {}, {.absent = false, .if_match = {"e"}, .if_none_match = {}}), ENOENT);
  EXPECT_FALSE(shell().exists("/b/new")) << "a refused PUT leaves no directory";
  EXPECT_EQ(keys().put("b/k", "2", {}, {.absent = false, .if_match = {"x", "one"}, .if_none_match = {}}), 0);
  EXPECT_EQ(keys().rm("b/k", {.absent = false, .if_match = {"*"}, .if_none_match = {}}), 0);
}

TEST_F(ObjectVerbs, AWriteThroughTheMountDropsWhatItMakesUntrue) {
  const ObjectNotes notes{
      .etag = "md5", .facts = {{"crc32", "x"}}, .labels = {{"content-type", "text/plain"}}};
  ASSERT_EQ(keys().put("b/k", "bytes", notes), 0);
  EXPECT_EQ(keys().head("b/k")->notes, notes);
  ASSERT_EQ(shell().chmod("/b/k", 0600), 0);
  EXPECT_EQ(keys().head("b/k")->notes, notes) << "its bytes are the same";
  ASSERT_EQ(shell().append("/b/k", "!"), 0);
  const auto after = keys().head("b/k");
  EXPECT_EQ(after->notes.etag, etag_of_change(after->inode, after->change));
  EXPECT_TRUE(after->notes.facts.empty());
  EXPECT_EQ(after->notes.labels, notes.labels);
  ASSERT_EQ(shell().truncate("/b/k", 5), 0);
  EXPECT_NE(keys().head("b/k")->notes.etag, after->notes.etag) << "also when the old bytes are back";
}

TEST_F(ObjectVerbs, LabelsChangeOneByOne) {
  ASSERT_EQ(keys().put("b/k", "bytes", {.etag = "e", .facts = {}, .labels = {{"a", "1"}, {"b", "2"}}}), 0);
  ASSERT_EQ(objects().set_labels({"b", "k"}, {{"a", ""}, {"c", "3"}}).code(), 0);
  EXPECT_EQ(keys().head("b/k")->notes.labels, (Labels{{"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(keys().head("b/k")->notes.etag, "e");
  ASSERT_EQ(objects().set_labels({"b", ""}, {{"owner", "me"}}).code(), 0);
  EXPECT_EQ(objects().lookup({"b", ""})->notes.labels, (Labels{{"owner", "me"}}));
  EXPECT_EQ(objects().set_labels({"b", "k"}, {{"c", std::string(40'000, 'x')}}).code(), E2BIG);
}

TEST_F(ObjectVerbs, TheMountNeitherSeesNorSetsWhatIsKeptBesideAnObject) {
  ASSERT_EQ(keys().put("b/k", "bytes", {.etag = "e", .facts = {}, .labels = {}}), 0);
  const InodeId inode = shell().inode("/b/k");
  EXPECT_THAT(store->listxattr({}, inode).value(), ElementsAre());
  EXPECT_EQ(store->getxattr(inode, kNotesRow).code(), EOPNOTSUPP);
  EXPECT_EQ(store->setxattr({}, inode, kNotesRow, "x", XattrMode::any).code(), EOPNOTSUPP);
  EXPECT_EQ(store->removexattr(inode, kNotesRow).code(), EOPNOTSUPP);
}

TEST_F(ObjectVerbs, ElementsSurviveAppends) {
  ASSERT_EQ(keys().put_elements("b/v", {"abc", "", "de"}), 0);
  ASSERT_EQ(keys().append("b/v", {"", "f"}), 0);
  EXPECT_THAT(keys().get_elements("b/v"), ElementsAre("abc", "", "de", "", "f"));
  EXPECT_EQ(shell().cat("/b/v"), "abcdef");
  ASSERT_EQ(keys().append("b/v", {""}), 0);
  store.reopen();
  EXPECT_THAT(keys().get_elements("b/v"), ElementsAre("abc", "", "de", "", "f", ""));
  EXPECT_EQ(keys().append("b/none", {"x"}), ENOENT);
}

TEST_F(ObjectVerbs, AWriteThroughTheMountMakesAValueOneElement) {
  ASSERT_EQ(keys().put_elements("b/v", {"abc", "de"}), 0);
  ASSERT_EQ(shell().write_at("/b/v", 0, "X"), 0);
  EXPECT_THAT(keys().get_elements("b/v"), ElementsAre("Xbcde"));
  ASSERT_EQ(keys().append("b/v", {"f", "g"}), 0);
  EXPECT_THAT(keys().get_elements("b/v"), ElementsAre("Xbcde", "f", "g"));
  ASSERT_EQ(shell().put("/b/file", "text"), 0);
  ASSERT_EQ(keys().append("b/file", {"!"}), 0);
  EXPECT_THAT(keys().get_elements("b/file"), ElementsAre("text", "!"));
}

TEST_F(ObjectVerbs, ThousandsOfElementsComeBackInOrder) {
  std::vector<std::string> elements(20'000);
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = pattern(i % 300);
  ASSERT_EQ(keys().put_elements("b/v", elements), 0);
  for (int i = 0; i < 700; ++i) {
    elements.push_back(std::to_string(i));
    ASSERT_EQ(keys().append("b/v", {elements.back()}), 0);
  }
  store.reopen();
  EXPECT_TRUE(keys().get_elements("b/v") == elements);
  EXPECT_EQ(objects().elements(shell().inode("/b/v"), 100).code(), ENOTSUP);
}

TEST_F(ObjectVerbs, AppendsAtOnceAllLand) {
  ASSERT_EQ(keys().put_elements("b/v", {"start"}), 0);
  std::vector<std::thread> threads;
  for (char name = 'a'; name < 'e'; ++name) {
    threads.emplace_back([this, name] {
      for (int i = 0; i < 25; ++i) EXPECT_EQ(keys().append("b/v", {name + std::to_string(i)}), 0);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<std::string> elements = keys().get_elements("b/v");
  ASSERT_EQ(elements.size(), 101u);
  std::map<char, int> next;
  for (std::size_t i = 1; i < elements.size(); ++i)
    EXPECT_EQ(elements[i], elements[i][0] + std::to_string(next[elements[i][0]]++));
}

TEST_F(ObjectVerbs, RenamingReplacesNothingAndTakesEmptyDirectoriesAway) {
  ASSERT_EQ(keys().put_elements("b/x/from", {"a", "b"}), 0);
  ASSERT_EQ(keys().put("b/there", "there"), 0);
  EXPECT_EQ(keys().mv("b/x/from", "b/there"), EEXIST);
  EXPECT_EQ(keys().mv("b/none", "b/there"), ENOENT);
  EXPECT_EQ(keys().mv("b/x/from", "b/x/from"), 0);
  ASSERT_EQ(keys().mv("b/x/from", "b/y/z/to"), 0);
  EXPECT_FALSE(shell().exists("/b/x"));
  EXPECT_THAT(keys().get_elements("b/y/z/to"), ElementsAre("a", "b"));
  EXPECT_EQ(keys().mv("b/y/z/to", "b/there/below"), ENOTDIR);
}

TEST_F(ObjectVerbs, BucketsAreDirectoriesInTheRoot) {
  ASSERT_EQ(objects().create_bucket("c", {}, {{"owner", "me"}}).code(), 0);
  EXPECT_EQ(objects().create_bucket("c", {}, {}).code(), EEXIST);
  EXPECT_EQ(objects().create_bucket(".ciaos", {}, {}).code(), EINVAL);
  EXPECT_EQ(objects().create_bucket(".ciaos-uploads", {}, {}).code(), EINVAL);
  EXPECT_EQ(objects().create_bucket("a/b", {}, {}).code(), EINVAL);
  ASSERT_EQ(shell().mkdir("/a"), 0);
  ASSERT_EQ(shell().put("/file", ""), 0);
  const auto page = objects().buckets("", 100);
  std::vector<std::string> names;
  for (const ObjectEntry& entry : page->entries) names.push_back(entry.key);
  EXPECT_THAT(names, ElementsAre("a", "b", "c"));
  EXPECT_EQ(page->entries[2].info.notes.labels, (Labels{{"owner", "me"}}));
  EXPECT_TRUE(objects().buckets("", 2)->more);
  EXPECT_EQ(objects().buckets("b", 2)->entries.front().key, "c");

  ASSERT_EQ(keys().put("c/x/y/k", ""), 0);
  EXPECT_EQ(objects().remove_bucket("c").code(), ENOTEMPTY);
  ASSERT_EQ(shell().rm("/c/x/y/k"), 0);
  EXPECT_TRUE(shell().exists("/c/x/y")) << "the mount takes away what it was told to, no more";
  EXPECT_EQ(objects().remove_bucket("c").code(), 0);
  EXPECT_EQ(objects().remove_bucket("c").code(), ENXIO);
  kill_and_open();
  EXPECT_FALSE(shell().exists("/c"));
}

TEST_F(ObjectVerbs, PartsBecomeOneObjectWithoutBeingCopied) {
  const auto id = objects().create_upload({"b", "dir/whole"}, {{"content-type", "x/y"}});
  ASSERT_TRUE(id.ok());
  for (std::uint32_t number = 1; number <= 3; ++number) {
    const auto staged = keys().staged(pattern(1'000'000, static_cast<char>('A' + number)));
    ASSERT_EQ(objects()
                  .put_part(*id, number, *staged, {.etag = std::to_string(number), .facts = {}, .labels = {}})
                  .code(),
              0);
  }
  ASSERT_EQ(objects()
                .put_part(*id, 2, *keys().staged("replaced"), {.etag = "2b", .facts = {}, .labels = {}})
                .code(),
            0);
  kill_and_open();
  const auto parts = objects().parts(*id, 0, 1000);
  ASSERT_EQ(parts->size(), 3u);
  EXPECT_EQ((*parts)[1].info.notes.etag, "2b");
  EXPECT_EQ(objects().parts(*id, 2, 1000)->front().number, 3u);
  EXPECT_EQ(objects().uploads("b", 100)->front().key, "dir/whole");
  EXPECT_EQ(objects().upload(*id)->info.notes.labels, (Labels{{"content-type", "x/y"}}));

  Objects::Complete complete{.id = *id, .parts = *parts, .publish = {}};
  complete.publish.path = {"b", "dir/whole"};
  complete.publish.notes.etag = "all-3";
  complete.parts[1].info.notes.etag = "2";
  EXPECT_EQ(objects().complete_upload(complete).code(), EBADMSG);
  complete.parts[1].info.notes.etag = "2b";
  const std::uint64_t before = store->statistics().writer.bytes_appended;
  ASSERT_EQ(objects().complete_upload(complete).code(), 0);
  EXPECT_LT(store->statistics().writer.bytes_appended - before, 65'536u);
  const std::string whole = pattern(1'000'000, 'B') + "replaced" + pattern(1'000'000, 'D');
  EXPECT_EQ(keys().get("b/dir/whole"), whole);
  EXPECT_TRUE(objects().uploads("b", 100)->empty());
  EXPECT_EQ(objects().parts(*id, 0, 10).code(), ENOENT);
  const std::uint64_t inodes = store->statfs().inodes;
  kill_and_open();
  EXPECT_EQ(shell().cat("/b/dir/whole"), whole);
  EXPECT_EQ(objects().upload(*id).code(), ENOENT);
  EXPECT_EQ(store->statfs().inodes, inodes);
}

TEST_F(ObjectVerbs, AnAbortedUploadLeavesNothing) {
  const auto id = objects().create_upload({"b", "k"}, {});
  const std::uint64_t before = store->statfs().inodes;
  ASSERT_EQ(objects().put_part(*id, 10'000, *keys().staged("part"), {}).code(), 0);
  EXPECT_EQ(objects().put_part(*id, 10'001, *keys().staged("part"), {}).code(), EINVAL);
  EXPECT_EQ(objects().put_part({"b", "../../x"}, 1, *keys().staged("part"), {}).code(), ENOENT);
  ASSERT_EQ(objects().abort_upload(*id).code(), 0);
  EXPECT_EQ(store->statfs().inodes, before - 1);
  EXPECT_EQ(objects().abort_upload(*id).code(), ENOENT);
  EXPECT_EQ(objects().put_part(*id, 1, *keys().staged("part"), {}).code(), ENOENT);
}

TEST_F(ObjectVerbs, ACopySharesItsBytes) {
  ASSERT_EQ(keys().put("b/from", pattern(3'000'000)), 0);
  const std::uint64_t before = store->statistics().writer.bytes_appended;
  const auto from = objects().open({"b", "from"});
  Objects::Publish publish{.path = {"b", "to"},
                           .staged = objects().stage({}).value(),
                           .owner = {},
                           .notes = {},
                           .elements = {},
                           .condition = {}};
  EXPECT_EQ(objects().stage_clone(from->inode, 0, from->size, publish.staged).value(), 3'000'000u);
  ASSERT_EQ(objects().publish(publish).code(), 0);
  store->release(from->inode);
  EXPECT_LT(store->statistics().writer.bytes_appended - before, 65'536u);
  EXPECT_EQ(keys().get("b/to"), pattern(3'000'000));
}

TEST_F(ObjectVerbs, TheWatchHearsOfEveryNameThatChanges) {
  std::vector<std::string> heard;
  store->watch({.name_changed = [&](InodeId, const std::string& name) { heard.push_back(name); },
                .inode_changed = {}});
  ASSERT_EQ(keys().put("b/d/k", "1"), 0);
  ASSERT_EQ(keys().put("b/d/k", "2"), 0);
  ASSERT_EQ(keys().mv("b/d/k", "b/l"), 0);
  ASSERT_EQ(keys().rm("b/l"), 0);
  EXPECT_THAT(heard, ElementsAre("d", "k", "k", "k", "l", "d", "l"));
}

TEST_F(ObjectVerbs, AReadOnlyStoreIsReadAndNotWritten) {
  ASSERT_EQ(keys().put("b/k", "bytes"), 0);
  ASSERT_EQ(store.close().code(), 0);
  store.options.read_only = true;
  store.open();
  EXPECT_EQ(keys().get("b/k"), "bytes");
  EXPECT_EQ(keys().put("b/l", "bytes"), EROFS);
  EXPECT_EQ(keys().rm("b/k"), EROFS);
  EXPECT_EQ(keys().mv("b/k", "b/l"), EROFS);
  EXPECT_EQ(objects().create_bucket("c", {}, {}).code(), EROFS);
}

}  // namespace
}  // namespace ciaos::test
