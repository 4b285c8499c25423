extension Result where Failure == any Error {
    /// What `body` returns or throws, for when something else is to be done first.
    package init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

extension Task where Success == Never, Failure == Never {
    /// For loops that wait for something to show: they end with the time that a test may take.
    package static func yieldUnlessCancelled() async throws {
        try checkCancellation()
        await yield()
    }
}
