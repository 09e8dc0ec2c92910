// Reads that are begun before, or without, anybody waiting for them: NeedleReader::read_ahead(), begin() and end().
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "log_store.h"
#include "store/file_device.h"
#include "store/memory_device.h"
#include "store/needle_reader.h"
#include "support/held_reads.h"
#include "temp_directory.h"

namespace ciaos::store {
namespace {

using State = BegunNeedle::State;
using test::HeldReads;
using test::LogStore;
using test::Random;

std::shared_ptr<Device> new_file_device(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT, 0600));
  EXPECT_EQ(::ftruncate(fd.get(), test::kDeviceBytes), 0);
  return FileDevice::open(path, FileDevice::Access::read_write).value();
}

class ReadAhead : public testing::Test {
 protected:
  test::TempDirectory directory;
  LogStore log{new_file_device(directory / "device")};
  std::unique_ptr<NeedleReader> reader;
  HeldReads starter;
  Random random{11};
  IoBuffer answer{256u << 10};  // of begin() and end()

  void SetUp() override {
    log.limits.data_payload_bytes_max = 600000;
    log.start(test::before_first(), Epoch(1));
    reader = std::make_unique<NeedleReader>(log.volumes(), test::log_store_uuid(), nullptr, 64 << 10);
  }
  void TearDown() override { starter.end_all(); }

  NeedlePlace stored(const std::string& payload) {
    const NeedlePlace place = log.append(payload).value();
    log.committed("");
    return place;
  }
  std::string read(const NeedlePlace& place, std::uint64_t offset, std::size_t bytes) {
    std::string got(bytes, '\0');
    const Status status = reader->read(place, offset, std::as_writable_bytes(std::span(got)));
    return status.ok() ? got : "error " + std::to_string(status.code());
  }
  std::string read(const NeedlePlace& place) { return read(place, 0, place.payload_bytes); }
  BegunNeedle begin(const NeedlePlace& place, std::uint64_t offset, std::size_t bytes) {
    return reader->begin(place, offset, answer.span().first(bytes), answer.size());
  }
  std::string end(const BegunNeedle& begun, const NeedlePlace& place, std::uint64_t offset,
                  std::size_t bytes) {
    const MutableByteSpan into = answer.span().first(bytes);
    const Status status = reader->end(*begun.read, place, offset, into);
    return status.ok() ? std::string(as_text(into)) : "error " + std::to_string(status.code());
  }
  std::uint64_t device_reads() { return reader->stats().device_reads; }
  void flip_payload_byte(const NeedlePlace& place, std::uint64_t offset) {
    VolumePosition at = place.at;
    at.offset = payload_position(at.offset, place.payload_bytes) + offset;
    log.flip_bit(at);
  }
};

TEST_F(ReadAhead, ANeedleThatWasReadAheadCostsItsReaderNoDeviceRead) {
  for (const std::size_t bytes : {1u, 4096u, 100000u, 500000u}) {
    const std::string payload = random.bytes(bytes);
    const NeedlePlace place = stored(payload);
    const std::uint64_t before = device_reads();
    reader->read_ahead(place);
    EXPECT_EQ(read(place), payload);
    EXPECT_EQ(device_reads() - before, 1u);
  }
  EXPECT_EQ(reader->stats().reads_ahead, 4u);
  EXPECT_EQ(reader->stats().reads_ahead_wanted, 4u);
}

TEST_F(ReadAhead, ItIsKeptUntilItsLastByteWasRead) {
  const std::string payload = random.bytes(100000);
  const NeedlePlace place = stored(payload);
  reader->read_ahead(place);
  EXPECT_EQ(read(place, 0, 50000), payload.substr(0, 50000));
  EXPECT_EQ(read(place, 50000, 50000), payload.substr(50000));
  EXPECT_EQ(device_reads(), 1u);
  EXPECT_EQ(read(place, 50000, 50000), payload.substr(50000));
  EXPECT_EQ(device_reads(), 2u);
}

TEST_F(ReadAhead, BytesThatAreHereKeepNoVolumeOpen) {
  const std::string payload = random.bytes(9000);
  const NeedlePlace place = stored(payload);
  const auto volume = *log.volumes().volume(place.at.volume);
  const auto users = volume.use_count();
  reader->read_ahead(place);
  EXPECT_EQ(read(place, 0, 10), payload.substr(0, 10));
  EXPECT_EQ(volume.use_count(), users);
  EXPECT_EQ(read(place, 10, 8990), payload.substr(10));
  EXPECT_EQ(device_reads(), 1u);
}

TEST_F(ReadAhead, AskingTwiceReadsOnce) {
  const NeedlePlace place = stored(random.bytes(9000));
  reader->read_ahead(place);
  reader->read_ahead(place);
  EXPECT_EQ(device_reads(), 1u);
}

TEST_F(ReadAhead, DamageIsFoundAsWithoutIt) {
  const std::string payload = random.bytes(20000);
  const NeedlePlace place = stored(payload);
  flip_payload_byte(place, 2 * kBlockBytes + 5);
  reader->read_ahead(place);
  EXPECT_EQ(read(place, 0, kBlockBytes), payload.substr(0, kBlockBytes));
  EXPECT_EQ(read(place, 2 * kBlockBytes, 10), "error 117");
  EXPECT_EQ(reader->stats().damaged, 1u);
  EXPECT_EQ(read(place), "error 117");
}

TEST_F(ReadAhead, ABadTransferIsReadAgainBeforeItIsCalledDamage) {
  const std::string payload = random.bytes(20000);
  const NeedlePlace place = stored(payload);
  flip_payload_byte(place, 5);
  reader->read_ahead(place);
  flip_payload_byte(place, 5);  // as it was; what is in memory stays wrong
  EXPECT_EQ(read(place), payload);
  EXPECT_EQ(reader->stats().damaged, 0u);
}

TEST_F(ReadAhead, WhatMayStillBeWantedStaysAndOldOnesMakeRoom) {
  const std::size_t fit = NeedleReader::kAheadBytesMax / (576u << 10);
  const NeedlePlace place = stored(random.bytes(524288));
  reader->read_ahead(place);
  // The same needle under other header sums is another, which nobody will ask for.
  NeedlePlace other = place;
  for (std::size_t i = 0; i < 2 * fit; ++i) {
    ++other.header_crc;
    reader->read_ahead(other);
  }
  EXPECT_EQ(reader->stats().reads_ahead, fit);
  const std::uint64_t before = device_reads();
  read(place);
  EXPECT_EQ(device_reads(), before);

  ++other.header_crc;
  reader->read_ahead(other);  // in the room that this left
  while (reader->stats().reads_ahead == fit + 1) reader->read_ahead(place);
  const std::uint64_t behind = device_reads();
  read(place);
  EXPECT_EQ(device_reads(), behind);
}

TEST_F(ReadAhead, AVolumeThatIsGivenBackTakesItAlong) {
  const NeedlePlace place = stored(random.bytes(9000));
  reader->read_ahead(place);
  reader->forget_volume(place.at.volume);
  read(place);
  EXPECT_EQ(device_reads(), 2u);
}

TEST_F(ReadAhead, DroppedCachesForgetIt) {
  const NeedlePlace place = stored(random.bytes(9000));
  reader->read_ahead(place);
  reader->drop_caches();
  read(place);
  EXPECT_EQ(device_reads(), 2u);
}

TEST_F(ReadAhead, APlaceOutOfBoundsOrInNoVolumeIsLeftToWhoReadsIt) {
  NeedlePlace place = stored(random.bytes(9000));
  place.at.offset = test::kVolumeBytes - kBlockBytes;
  reader->read_ahead(place);
  place.at.volume = VolumeId(99);
  reader->read_ahead(place);
  EXPECT_EQ(device_reads(), 0u);
}

TEST_F(ReadAhead, ManyThreadsReadWhatOthersBegan) {
  std::vector<std::string> payloads;
  std::vector<NeedlePlace> places;
  for (std::size_t i = 0; i < 60; ++i) {
    payloads.push_back(random.bytes(1000 + i * 1009));
    places.push_back(stored(payloads.back()));
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    threads.emplace_back([&, seed] {
      Random mine{seed};
      for (int i = 0; i < 500; ++i) {
        reader->read_ahead(places[mine.below(places.size())]);
        const std::size_t at = mine.below(places.size());
        if (read(places[at]) != payloads[at]) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(reader->stats().reads_ahead_wanted, 0u);
}

TEST_F(ReadAhead, WhoMustNotWaitIsAnsweredWhenTheDeviceHas) {
  const ReadStarter::Runs runs(starter);
  const std::string payload = random.bytes(100000);
  const NeedlePlace place = stored(payload);
  const BegunNeedle begun = begin(place, 5000, 60000);
  ASSERT_EQ(begun.state, State::under_way);
  EXPECT_TRUE(begun.read->is_under_way());
  starter.end_all();
  EXPECT_FALSE(begun.read->is_under_way());
  EXPECT_EQ(end(begun, place, 5000, 60000), payload.substr(5000, 60000));
  EXPECT_EQ(device_reads(), 1u);
}

TEST_F(ReadAhead, TheBytesGoStraightToTheirPlaceIfThatHasRoomForTheDevicesBlocks) {
  const ReadStarter::Runs runs(starter);
  const std::string payload = random.bytes(100000);
  const NeedlePlace place = stored(payload);
  const auto lies_there = [&](std::size_t bytes, std::size_t room) {
    std::fill_n(answer.data(), answer.size(), std::byte{0});
    const BegunNeedle begun = reader->begin(place, 0, answer.span().first(bytes), room);
    starter.end_all();
    const bool there = as_text(answer.span().first(bytes)) == payload.substr(0, bytes);
    EXPECT_EQ(end(begun, place, 0, bytes), payload.substr(0, bytes));
    return there;
  };
  EXPECT_TRUE(lies_there(100000, 102400));   // with the header in front of them
  EXPECT_FALSE(lies_there(100000, 100000));  // the last block is longer
  EXPECT_TRUE(lies_there(8192, 8192));       // the header is known by now
}

TEST_F(ReadAhead, WhateverIsWantedIsRightAndNothingElseIsWrittenOver) {
  const ReadStarter::Runs runs(starter);
  constexpr std::byte kMark{0xEE};
  for (const std::size_t length : {700u, 4096u, 65535u, 65536u, 70001u, 200000u}) {
    const std::string payload = random.bytes(length);
    const NeedlePlace place = stored(payload);
    for (int i = 0; i < 60; ++i) {
      std::size_t offset = random.below(length);
      if (i % 2 == 0) offset = align_down(offset, kBlockBytes);
      const std::size_t bytes = 1 + random.below(std::min<std::size_t>(length - offset, 120000));
      const std::size_t room = bytes + random.below(6000);
      std::fill_n(answer.data(), answer.size(), kMark);
      const BegunNeedle begun = reader->begin(place, offset, answer.span().first(bytes), room);
      ASSERT_EQ(begun.state, State::under_way);
      starter.end_all();
      ASSERT_EQ(end(begun, place, offset, bytes), payload.substr(offset, bytes)) << length << ' ' << offset;
      const ByteSpan behind = ByteSpan(answer.span()).subspan(room);
      ASSERT_TRUE(std::all_of(behind.begin(), behind.end(), [=](std::byte b) { return b == kMark; }));
    }
  }
}

TEST_F(ReadAhead, HeFindsWhatHeBeganHimself) {
  const ReadStarter::Runs runs(starter);
  const std::string payload = random.bytes(4096);
  const NeedlePlace place = stored(payload);
  reader->read_ahead(place);
  const BegunNeedle begun = begin(place, 0, 4096);
  ASSERT_EQ(begun.state, State::under_way);
  EXPECT_EQ(starter.count(), 1u);
  starter.end_all();
  EXPECT_EQ(end(begun, place, 0, 4096), payload);
  EXPECT_EQ(reader->stats().reads_ahead_wanted, 1u);
}

TEST_F(ReadAhead, WhatHasComeIsThereAtOnce) {
  const ReadStarter::Runs runs(starter);
  const std::string payload = random.bytes(4096);
  const NeedlePlace place = stored(payload);
  reader->read_ahead(place);
  starter.end_all();
  EXPECT_EQ(begin(place, 0, 4096).state, State::at_once);
  EXPECT_EQ(read(place), payload);
  EXPECT_EQ(device_reads(), 1u);
}

TEST_F(ReadAhead, AReadThatFailsOrComesShortOrIsWrongSaysSo) {
  const ReadStarter::Runs runs(starter);
  const NeedlePlace place = stored(random.bytes(30000));
  BegunNeedle begun = begin(place, 0, 30000);
  starter.fail_all(EIO);
  EXPECT_EQ(end(begun, place, 0, 30000), "error 11");
  begun = begin(place, 0, 30000);
  starter.end_all(/*bytes_less=*/4096);
  EXPECT_EQ(end(begun, place, 0, 30000), "error 11");
  flip_payload_byte(place, 5);
  begun = begin(place, 0, 30000);
  starter.end_all();
  EXPECT_EQ(end(begun, place, 0, 30000), "error 117");
  EXPECT_EQ(reader->stats().damaged, 0u);  // for a read() to find
}

TEST_F(ReadAhead, NobodyBlocksForWhatAThreadHasBegunByItself) {
  const std::string payload = random.bytes(4096);
  const NeedlePlace place = stored(payload);
  {
    const ReadStarter::Runs runs(starter);
    reader->read_ahead(place);
  }
  EXPECT_EQ(read(place), payload);
  EXPECT_EQ(device_reads(), 2u);
}

TEST_F(ReadAhead, WhoRunsReadsHearsOfTheEndOfWhatAnotherBegan) {
  const std::string payload = random.bytes(4096);
  const NeedlePlace place = stored(payload);
  {
    const ReadStarter::Runs runs(starter);
    reader->read_ahead(place);
  }
  HeldReads another;
  const ReadStarter::Runs runs(another);
  const BegunNeedle begun = begin(place, 0, 4096);
  ASSERT_EQ(begun.state, State::under_way);
  EXPECT_EQ(another.count(), 0u);
  EXPECT_EQ(another.heard, 0);
  starter.end_all();
  EXPECT_EQ(another.heard, 1);
  EXPECT_EQ(end(begun, place, 0, 4096), payload);
  EXPECT_EQ(device_reads(), 1u);
}

TEST_F(ReadAhead, AStarterWithoutRoomLeavesItToOthers) {
  const ReadStarter::Runs runs(starter);
  starter.refuses = true;
  const std::string payload = random.bytes(4096);
  const NeedlePlace place = stored(payload);
  EXPECT_EQ(begin(place, 0, 4096).state, State::may_wait);
  EXPECT_EQ(device_reads(), 0u);
  reader->read_ahead(place);
  EXPECT_EQ(reader->stats().reads_ahead, 1u);
  EXPECT_EQ(read(place), payload);
  EXPECT_EQ(device_reads(), 1u);
}

TEST_F(ReadAhead, WhoRunsNoStarterIsToldThatHeMayWait) {
  const NeedlePlace place = stored(random.bytes(4096));
  EXPECT_EQ(begin(place, 0, 4096).state, State::may_wait);
  EXPECT_EQ(device_reads(), 0u);
}

TEST_F(ReadAhead, APieceOfALargeNeedleNeedsItsHeaderFirst) {
  const ReadStarter::Runs runs(starter);
  const std::string payload = random.bytes(524288);
  const NeedlePlace place = stored(payload);
  EXPECT_EQ(begin(place, 400000, 4096).state, State::may_wait);
  read(place, 400000, 4096);
  const BegunNeedle begun = begin(place, 400000, 4096);
  ASSERT_EQ(begun.state, State::under_way);
  starter.end_all();
  EXPECT_EQ(end(begun, place, 400000, 4096), payload.substr(400000, 4096));
}

TEST(ReadAheadInMemory, ADeviceWithoutADescriptorIsReadByItsReader) {
  LogStore log{std::make_shared<MemoryDevice>(test::kDeviceBytes)};
  log.start(test::before_first(), Epoch(1));
  NeedleReader reader(log.volumes(), test::log_store_uuid(), nullptr, 64 << 10);
  const NeedlePlace place = log.append("some bytes").value();
  log.committed("");
  reader.read_ahead(place);
  EXPECT_EQ(reader.stats().device_reads, 0u);
  std::string got(10, '\0');
  ASSERT_TRUE(reader.read(place, 0, std::as_writable_bytes(std::span(got))).ok());
  EXPECT_EQ(got, "some bytes");
}

}  // namespace
}  // namespace ciaos::store
