// The file of users and keys: what it says, and how it changes.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "users/access_keys.h"

namespace ciaos::users {
namespace {

class KeysFile : public testing::Test {
 protected:
  KeysFile() {
    char name[] = "/tmp/ciaosfs-test-keys.XXXXXX";
    folder_ = ::mkdtemp(name);
    path_ = folder_ + "/keys";
  }
  ~KeysFile() override {
    ::unlink(path_.c_str());
    ::rmdir(folder_.c_str());
  }
  void write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path_) << text;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  std::string text() const {
    std::ostringstream out;
    out << std::ifstream(path_).rdbuf();
    return out.str();
  }
  AccessKeys keys() const { return parse_keys(text()).value(); }

  std::string folder_;
  std::string path_;
};

TEST(AccessKeyLines, SayWhoAndHow) {
  const auto keys = parse_keys("K s alice disabled uid=7 gid=8 file-mode=0640 directory-mode=750 # hers\n");
  ASSERT_TRUE(keys.ok());
  const AccessKey& key = keys->at("K");
  EXPECT_TRUE(key.disabled);
  EXPECT_EQ(key.uid, 7u);
  EXPECT_EQ(key.gid, 8u);
  EXPECT_EQ(key.file_mode, 0640u);
  EXPECT_EQ(key.directory_mode, 0750u);
  for (const char* bad :
       {"K s\n", "K s u admin\n", "K s u uid=x\n", "K s u file-mode=99\n", "K s u file-mode=17777\n"})
    EXPECT_EQ(parse_keys(bad).code(), EINVAL) << bad;
}

TEST_F(KeysFile, IsMadeForItsOwnerAlone) {
  const NewKey made = add_user(path_, {.user = "alice", .secret = {}}).value();
  struct stat about {};
  ASSERT_EQ(::stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0600u);
  EXPECT_EQ(keys().at(made.access_key).secret, made.secret);
  EXPECT_GE(made.secret.size(), 40u);
  EXPECT_EQ(add_user(path_, {.user = "alice", .secret = {}}).code(), EEXIST);
  EXPECT_NE(add_user(path_, {.user = "bob", .secret = {}})->secret, made.secret);
}

TEST_F(KeysFile, KeepsItsModeAndItsComments) {
  write("# ours\nK s bob\n", 0640);
  ASSERT_TRUE(add_user(path_, {.user = "alice", .secret = {}, .uid = 5}).ok());
  struct stat about {};
  ASSERT_EQ(::stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0640u);
  EXPECT_TRUE(text().starts_with("# ours\nK s bob\n"));
  EXPECT_TRUE(text().ends_with("alice uid=5\n"));
}

TEST_F(KeysFile, DisablesAndRotates) {
  write("K s bob gid=3\nL t bob\nM u eve");
  ASSERT_TRUE(disable_user(path_, "bob").ok());
  EXPECT_TRUE(keys().at("K").disabled && keys().at("L").disabled);
  EXPECT_FALSE(keys().at("M").disabled);
  const NewKey made = rotate_user(path_, "bob").value();
  EXPECT_EQ(keys().size(), 2u);
  EXPECT_EQ(keys().at(made.access_key).gid, 3u);
  EXPECT_FALSE(keys().at(made.access_key).disabled);
  EXPECT_EQ(disable_user(path_, "mallory").code(), ENOENT);
  EXPECT_EQ(rotate_user(path_, "mallory").code(), ENOENT);
}

TEST_F(KeysFile, ThatIsNoneIsLeftAlone) {
  write("what is this\nsomething\n");
  EXPECT_EQ(add_user(path_, {.user = "alice", .secret = {}}).code(), EINVAL);
  EXPECT_EQ(text(), "what is this\nsomething\n");
  EXPECT_EQ(read_secrets(path_ + ".missing").code(), ENOENT);
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  EXPECT_EQ(read_secrets(path_).code(), EPERM);
}

TEST(UserNames, ArePathComponentsWithoutSpaces) {
  for (const char* good : {"alice", "a.b-c_d", "x@example.com"}) EXPECT_TRUE(is_user_name(good)) << good;
  for (const char* bad : {"", ".", "..", ".ciaos", "a/b", "a b", "a#b", "a:b", "a\nb"})
    EXPECT_FALSE(is_user_name(bad)) << bad;
  EXPECT_FALSE(is_user_name(std::string(64, 'x')));
}

TEST(KeyRings, LetNobodyInWhoIsDisabled) {
  KeyRing ring;
  ring.set(parse_keys("K s alice\nL t bob disabled\n").value());
  EXPECT_EQ(ring.find("K")->user, "alice");
  EXPECT_FALSE(ring.find("L"));
  EXPECT_FALSE(ring.find("M"));
  EXPECT_TRUE(ring.has_user("bob"));
  ring.set({});
  EXPECT_FALSE(ring.find("K"));
}

}  // namespace
}  // namespace ciaos::users
