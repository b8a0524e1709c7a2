import { backPressureRules } from './back-pressure.ts';
import { type NalSubject, type RegisterTest, Suite } from './bench.ts';
import { declarationRules } from './declaration.ts';
import { deliveryRules } from './delivery.ts';
import { failureRules } from './failure.ts';
import { placementRules } from './placement.ts';

/**
 * Registers the tests that each NAL must pass, whatever carries it. A test file of a NAL is this call and the description of
 * its subject.
 */
export function nalCompliance(test: RegisterTest, subject: NalSubject): void {
  const suite = new Suite(test, subject);
  declarationRules(suite);
  deliveryRules(suite);
  placementRules(suite);
  backPressureRules(suite);
  failureRules(suite);
}
