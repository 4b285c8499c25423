import TestSupport
import Testing

/// The checker of concurrent histories believes what can be true, and finds what cannot.
@Suite struct HistoryCheckerTests {
    /// Alice pays 40 between the moments 10 and 20.
    private static func paid() -> Story {
        var story = Story()
        story.tell("a", Story.pay(2, 3, 40), 10...20, story.write("a", (2, 3, 40)))
        return story
    }

    // MARK: What can be true

    @Test func aReadMayShowBothSidesOfWhatHappensMeanwhile() {
        for shop in [0, 40] as [Int64] {
            var story = Self.paid()
            story.read([1: -100, 2: 100 - shop, 3: shop], 11...19)
            #expect(story.violations == [])
        }
    }

    @Test func thePlaceInTheJournalIsFreeAmongTwoAtOnce() {
        var story = Story()
        let second = story.write("b", (2, 3, 100))
        story.tell("b", Story.pay(2, 3, 100), 2...3, second)
        story.tell(
            "a", Story.pay(2, 3, 40), 1...4, .refused("insufficient_funds", available: 0))
        #expect(story.violations == [])
    }

    @Test func whatWasNotAnsweredMayHaveHappenedOrNot() {
        var story = Story()
        story.tell("a", Story.pay(2, 3, 40), 1...2, .unknown)
        #expect(story.violations == [])
        // It is still on its way when others look, and arrives later.
        story.read([3: 0], 3...4)
        story.write("a", (2, 3, 40))
        story.tell("a", Story.pay(2, 3, 40), 5...6, .replayed(place: 1))
        story.read([3: 40], 7...8)
        #expect(story.violations == [])
    }

    @Test func anUnansweredEndOfAHoldIsKnownByTheHold() {
        var story = Story()
        story.tell(
            "h", .hold(Movement(debit: 2, credit: 3, amount: 40)), 1...2,
            story.hold("h", (2, 3, 40)))
        story.capture(nil, 1, (2, 3, 40))
        #expect(story.violations == [.inventedTransfer])
        story.tell("c", .capture(hold: 1, amount: nil), 3...4, .unknown)
        #expect(story.violations == [])
        story.tell(
            "d", .void(hold: 1), 5...6, .refused("hold_already_ended", available: nil))
        #expect(story.violations == [])
    }

    // MARK: Reads

    @Test func aStaleReadIsFound() {
        var story = Self.paid()
        story.read([1: -100, 2: 100, 3: 0], 21...22)
        #expect(story.violations == [.staleRead])
    }

    @Test func timeDoesNotRunBackwards() {
        var story = Self.paid()
        story.read([3: 40], 11...12)
        story.read([3: 0], 13...14)
        #expect(story.violations == [.staleRead])
    }

    @Test func aReadBetweenLinkedLinesIsFound() {
        var story = Story()
        let answer = story.write("a", (2, 3, 40), (2, 1, 5))
        story.tell(
            "a",
            .post([
                Movement(debit: 2, credit: 3, amount: 40), Movement(debit: 2, credit: 1, amount: 5),
            ]), 1...4, answer)
        story.read([1: -100, 2: 60, 3: 40], 2...3)
        #expect(story.violations == [.impossibleRead])
    }

    @Test func aReadOfWhatIsNotYetWrittenIsFound() {
        var story = Story()
        story.read([3: 40], 1...2)
        story.tell("a", Story.pay(2, 3, 40), 3...4, story.write("a", (2, 3, 40)))
        #expect(story.violations == [.impossibleRead])
    }

    @Test func moneyFromNowhereIsFound() {
        var story = Self.paid()
        story.read([1: -100, 2: 60, 3: 41], 21...22)
        #expect(story.violations == [.impossibleRead, .wrongSum])
    }

    // MARK: Writes

    @Test func aLostTransferIsFound() {
        var story = Self.paid()
        story.tell("b", Story.pay(2, 3, 1), 21...22, .done(place: 2))
        #expect(story.violations == [.lostTransfer])
    }

    @Test func twoThatClaimOneLineAreFound() {
        var story = Self.paid()
        story.tell("b", Story.pay(2, 3, 40), 11...12, .done(place: 1))
        #expect(story.violations == [.doubleTransfer])
    }

    @Test func aDoubleTransferIsFound() {
        var story = Self.paid()
        story.write("a", (2, 3, 40))
        #expect(story.violations.contains(.doubleTransfer))
    }

    @Test func anUnansweredTransferThatHappenedTwiceIsFound() {
        var story = Story()
        story.tell("a", Story.pay(2, 3, 40), 1...2, .unknown)
        story.write("a", (2, 3, 40))
        story.write("a", (2, 3, 40))
        #expect(story.violations.contains(.doubleTransfer))
    }

    @Test func aReplayThatIsToldAsNewIsFound() {
        var story = Self.paid()
        story.tell("a", Story.pay(2, 3, 40), 21...22, .done(place: 1))
        #expect(story.violations == [.doubleTransfer])
    }

    @Test func aReplayOfNothingIsFound() {
        var story = Story()
        story.write("a", (2, 3, 40))
        story.tell("a", Story.pay(2, 3, 40), 1...2, .replayed(place: 1))
        #expect(story.violations == [.inventedTransfer])
    }

    @Test func whatNobodyAskedForIsFound() {
        var story = Self.paid()
        story.write(nil, (2, 3, 1))
        #expect(story.violations == [.inventedTransfer])
    }

    @Test func whatWasRefusedAndWrittenIsFound() {
        var story = Story()
        story.tell(
            "a", Story.pay(2, 3, 101), 1...2, .refused("insufficient_funds", available: 100))
        story.write("a", (2, 3, 101))
        #expect(story.violations == [.inventedTransfer])
    }

    @Test func anotherAmountThanWasAskedForIsFound() {
        var story = Story()
        story.tell("a", Story.pay(2, 3, 40), 1...2, story.write("a", (2, 3, 41)))
        #expect(story.violations == [.brokenRule])
    }

    @Test func anOverdraftIsFound() {
        var story = Story()
        story.tell("a", Story.pay(2, 3, 101), 1...2, story.write("a", (2, 3, 101)))
        #expect(story.violations == [.brokenRule])
    }

    @Test func aHoldThatEndsTwiceIsFound() {
        var story = Story()
        story.tell(
            "h", .hold(Movement(debit: 2, credit: 3, amount: 40)), 1...2,
            story.hold("h", (2, 3, 40)))
        for (name, moment) in [("c", 3), ("d", 5)] {
            story.tell(
                name, .capture(hold: 1, amount: nil), moment...moment + 1,
                story.capture(name, 1, (2, 3, 40)))
        }
        #expect(story.violations == [.brokenRule])
    }

    @Test func anOrderThatTimeForbidsIsFound() {
        var story = Story()
        let later = story.write("b", (2, 3, 1))
        let earlier = story.write("a", (2, 3, 40))
        story.tell("a", Story.pay(2, 3, 40), 1...2, earlier)
        story.tell("b", Story.pay(2, 3, 1), 3...4, later)
        #expect(story.violations == [.orderInversion])
    }

    // MARK: Refusals

    @Test func anUnjustifiedRefusalIsFound() {
        var story = Self.paid()
        story.tell(
            "b", Story.pay(2, 3, 60), 21...22, .refused("insufficient_funds", available: 60))
        #expect(story.violations == [.unjustifiedRefusal])
    }

    @Test func aRefusalThatWasRightEarlierIsFound() {
        var story = Story()
        story.tell("a", Story.pay(1, 3, 40), 1...2, story.write("a", (1, 3, 40)))
        story.tell("b", Story.pay(3, 2, 40), 3...4, .refused("insufficient_funds", available: 0))
        #expect(story.violations == [.unjustifiedRefusal])
    }

    @Test func aRefusalWithAWrongFactIsFound() {
        var story = Self.paid()
        story.tell(
            "b", Story.pay(2, 3, 61), 21...22, .refused("insufficient_funds", available: 59))
        #expect(story.violations == [.unjustifiedRefusal])
    }
}
