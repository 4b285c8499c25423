import Dispatch
import Synchronization

/// Where a blocking test body waits until someone opens; it stays open from then on.
package final class Barrier: @unchecked Sendable {
    // Dispatch's semaphores may be used from every thread; Linux forgets to say so.
    private let semaphore = DispatchSemaphore(value: 0)

    package init() {}

    package func open() { semaphore.signal() }

    package func wait() {
        semaphore.wait()
        semaphore.signal()
    }
}

/// Counts what happens on several threads.
package final class Tally: Sendable {
    private let value = Atomic(0)

    package init() {}

    /// The count, this one included.
    @discardableResult
    package func add() -> Int { value.add(1, ordering: .sequentiallyConsistent).newValue }

    package var count: Int { value.load(ordering: .sequentiallyConsistent) }
}
