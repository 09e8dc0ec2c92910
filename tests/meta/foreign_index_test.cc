// An index that somebody else made: it runs nothing of its own. (That its bytes may be anything is for tests/fuzz.)
#include "meta/connection.h"
#include "tests/meta/index_fixture.h"

namespace ciaos::meta::test {
namespace {

class ForeignIndex : public IndexTest {
 protected:
  void SetUp() override {
    IndexTest::SetUp();
    Changes changes;
    changes.inodes.emplace(InodeId(5), file(7));
    must_apply(changes);
    ASSERT_TRUE(index_->checkpoint().ok());
    close();
  }
  // open() looks at rows.
  void open_unread() {
    auto opened = Index::open(directory(), store_uuid(), Index::Mode::read_only);
    ASSERT_TRUE(opened.ok()) << to_string(opened.error());
    index_ = *std::move(opened);
  }
  void plant(const char* sql) {
    auto connection = Connection::open(database(), Connection::Access::write);
    ASSERT_TRUE(connection.ok());
    const Status done = connection->execute(sql);
    ASSERT_TRUE(done.ok()) << to_string(done.error());
  }
};

TEST_F(ForeignIndex, ATriggerDoesNotRun) {
  plant("CREATE TRIGGER harm AFTER INSERT ON inodes BEGIN DELETE FROM inodes WHERE id=5; END");
  open();
  Changes changes;
  changes.inodes.emplace(InodeId(6), file(8));
  must_apply(changes);
  EXPECT_EQ(everything().inodes.size(), 2u);
}

TEST_F(ForeignIndex, AViewInPlaceOfATableIsDamage) {
  plant(
      "ALTER TABLE xattrs RENAME TO other; CREATE VIEW xattrs AS WITH RECURSIVE endless(inode, name, value) "
      "AS"
      " (SELECT 1, x'61', x'62' UNION ALL SELECT inode, name, value FROM endless) SELECT * FROM endless");
  open_unread();
  EXPECT_EQ(index_->reader().code(), EUCLEAN);
}

}  // namespace
}  // namespace ciaos::meta::test
