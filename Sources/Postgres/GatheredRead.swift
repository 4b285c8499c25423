import Synchronization
import Threads

/// Asks in one statement what many ask at the same time: a group commit of reads.
///
/// Questions that come while a statement runs wait for the next, which starts as soon as the last
/// one is answered: an idle server asks at once, a busy one asks rarely and for many. A statement
/// is sent after the last of its questions has come and nothing is remembered, so whoever asks is
/// told everything that was committed before, whichever process wrote it.
package final class GatheredRead<Question: Sendable, Answer: Sendable>: Sendable {
    /// Makes the statement from the questions and, beside each, the number of who asks it. The
    /// last column of each row it returns is the number of whom the row is for.
    package typealias Statement = @Sendable (_ askers: [Int], _ questions: [Question]) -> SQL
    package typealias Decode = @Sendable (Row) throws -> Answer

    /// Questions of one statement, unless one asker has more.
    private static var questionsMax: Int { 4_000 }
    /// Askers that may wait; one more is refused as `.overloaded`.
    private static var waitingMax: Int { 50_000 }

    private struct Asking {
        let questions: [Question]
        let continuation: CheckedContinuation<[Answer], any Error>
    }

    private struct State {
        var waiting: [Asking] = []
        /// Whether a statement runs, or is about to.
        var isBusy = false
    }

    private let state = Mutex(State())
    private let database: Database
    private let statement: Statement
    private let decode: Decode

    package init(
        _ database: Database, statement: @escaping Statement, decode: @escaping Decode
    ) {
        self.database = database
        self.statement = statement
        self.decode = decode
    }

    /// The answers to all of the questions, in the order in which the statement returns them.
    package func ask(_ questions: [Question]) async throws -> [Answer] {
        guard !questions.isEmpty else { return [] }
        return try await withCheckedThrowingContinuation { continuation in
            add(Asking(questions: questions, continuation: continuation))
        }
    }

    private func add(_ asking: Asking) {
        let (isRefused, isFirst) = state.withLock { state in
            guard state.waiting.count < Self.waitingMax else { return (true, false) }
            state.waiting.append(asking)
            defer { state.isBusy = true }
            return (false, !state.isBusy)
        }
        if isRefused { asking.continuation.resume(throwing: DatabaseError.overloaded) }
        if isFirst { askNext() }
    }

    /// Has a thread of the database ask what waits by the time it comes to it.
    private func askNext() {
        switch database.queue.add({ self.ask(over: $0) }) {
        case .taken: break
        case .full: refuseAll(DatabaseError.overloaded)
        case .closed: refuseAll(DatabaseError.closed)
        }
    }

    private func ask(over session: Session) {
        let askings = takeWaiting()
        switch Result(catching: { try answers(to: askings, over: session) }) {
        case .success(let answers):
            for (asking, answers) in zip(askings, answers) {
                asking.continuation.resume(returning: answers)
            }
        case .failure(let error):
            for asking in askings { asking.continuation.resume(throwing: error) }
        }
        let isDone = state.withLock { state in
            state.isBusy = !state.waiting.isEmpty
            return !state.isBusy
        }
        if !isDone { askNext() }
    }

    private func takeWaiting() -> [Asking] {
        state.withLock { state in
            var (count, questions) = (0, 0)
            for asking in state.waiting {
                questions += asking.questions.count
                guard count == 0 || questions <= Self.questionsMax else { break }
                count += 1
            }
            defer { state.waiting.removeFirst(count) }
            return Array(state.waiting.prefix(count))
        }
    }

    private func answers(to askings: [Asking], over session: Session) throws -> [[Answer]] {
        var (askers, questions): ([Int], [Question]) = ([], [])
        for (asker, asking) in askings.enumerated() {
            askers += repeatElement(asker, count: asking.questions.count)
            questions += asking.questions
        }
        var answers: [[Answer]] = Array(repeating: [], count: askings.count)
        for row in try session.query(statement(askers, questions)).rows {
            answers[try row[row.count - 1]].append(try decode(row))
        }
        return answers
    }

    private func refuseAll(_ error: DatabaseError) {
        let askings = state.withLock { state in
            defer { state = State() }
            return state.waiting
        }
        for asking in askings { asking.continuation.resume(throwing: error) }
    }
}
